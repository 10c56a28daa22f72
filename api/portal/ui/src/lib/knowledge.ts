import { client, data, type Schemas } from "./api";
import { permissionsQuery } from "./entity";
import { session } from "./session";
import { transfer } from "./transfer";
import type { Work } from "./uploads";
import { useQuery } from "@tanstack/react-query";

export type Base = Schemas["KnowledgeBaseDetail"];
export type Source = Schemas["Sources"]["sources"][number];
export type Settings = Schemas["KnowledgeSettings"];

// What text is read out of, and how much.
export const accept = ".txt,.md,.markdown,.html,.htm,.json,.csv,.pdf,.docx";
export const formats = "Text is read out of txt, md, html, json, csv, pdf and docx, of up to 50 MB each.";

export const embedderQuery = { queryKey: ["embedder"], queryFn: () => data(client.GET("/v1/portal/embedder-info")) };
export const basesQuery = { queryKey: ["bases"], queryFn: async () => (await data(client.GET("/v1/portal/knowledge-bases"))).knowledgeBases };

// useOwns tells whether the user owns the team, as far as that is known: a key does
// not say which team it is for, and the server has the last word.
export function useOwns(): boolean {
  const tenant = session()?.tenant?.id;
  const got = useQuery({ ...permissionsQuery(tenant ?? ""), enabled: Boolean(tenant) });
  return !tenant || (got.data?.allowed_actions.includes("tenant:manage") ?? false);
}

const states: Record<Schemas["AddedFile"]["state"], string> = { added: "", replaced: "the next version of the file of its name", unchanged: "it was there already" };

export const chunks = (n: number) => `${n} ${n === 1 ? "chunk" : "chunks"}`;

// newSource puts one file into a knowledge base. The server keeps all of it or nothing.
export function newSource(file: File, base: string): Work {
  return {
    run: async (sent, signal) => {
      const form = new FormData();
      form.append("files", file, file.name);
      const answer = await transfer("POST", `/v1/portal/knowledge-bases/${base}/files`, form, { sent, signal });
      const added = (JSON.parse(await answer.text()) as Schemas["FilesAdded"]).files[0]!;
      return { entity: added.fileId, note: [chunks(added.chunkCount), states[added.state]].filter(Boolean).join(", ") };
    },
  };
}
