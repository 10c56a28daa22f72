import { client, data, Problem, type Entity } from "./api";
import { transfer } from "./transfer";
import type { Done, Work } from "./uploads";

// Media types that browsers do not know by a file's name.
const byName: Record<string, string> = {
  md: "text/markdown", csv: "text/csv", json: "application/json", jsonl: "application/jsonl", yaml: "application/yaml", yml: "application/yaml", toml: "application/toml", txt: "text/plain", log: "text/plain",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
};

export function mediaType(file: File): string {
  return file.type || byName[file.name.split(".").pop()?.toLowerCase() ?? ""] || "application/octet-stream";
}

export type Content = { key: string; filename: string; type: string; size: number; cid?: string };

// contentOf is what a file's entity says of its content.
export function contentOf(e: Entity): Content {
  const p = e.properties;
  const text = (name: string) => (typeof p[name] === "string" ? (p[name] as string) : "");
  return { key: text("key"), filename: text("filename") || text("label") || e.id, type: text("content_type"), size: typeof p.size === "number" ? p.size : 0, ...(p.uploaded === true && text("cid") ? { cid: text("cid") } : {}) };
}

// A key names a content within its file, for good.
const freshKey = () => new Date().toISOString();

// sendContent sends the content that a file's entity waits for. That it has come
// already is what an answer that was lost would have said.
async function sendContent(id: string, file: File, sent: (bytes: number) => void, signal: AbortSignal): Promise<Done> {
  try {
    await transfer("POST", `/files/${id}/content`, file, { type: mediaType(file), sent, signal });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) throw error;
    const now = await data(client.GET("/files/{id}", { params: { path: { id } }, signal }));
    if (now.properties.uploaded !== true) throw error;
  }
  return { entity: id };
}

// newFile makes a file's entity in a collection, and sends its content.
export function newFile(file: File, collection: string): Work {
  let made: Entity | undefined;
  return {
    run: async (sent, signal) => {
      made ??= await data(client.POST("/files", { body: { key: freshKey(), filename: file.name, content_type: mediaType(file), size: file.size, collection }, signal }));
      return sendContent(made.id, file, sent, signal);
    },
    undo: async () => {
      if (!made) return;
      await data(client.DELETE("/entities/{id}", { params: { path: { id: made.id } }, body: { expect_tip: made.cid, note: "its upload was stopped" } }));
      made = undefined;
    },
  };
}

// newContent makes room for another content of a file, and sends it. Stopped, the
// file has what it had again.
export function newContent(e: Entity, file: File): Work {
  const was = contentOf(e);
  let waits: Entity | undefined;
  return {
    run: async (sent, signal) => {
      const type = mediaType(file);
      waits ??= await data(client.POST("/files/{id}/reupload", { params: { path: { id: e.id } }, body: { expect_tip: e.cid, key: freshKey(), content_type: type, size: file.size, filename: file.name }, signal }));
      return sendContent(e.id, file, sent, signal);
    },
    undo: async () => {
      if (!waits || !was.cid) return;
      await data(client.PUT("/files/{id}", { params: { path: { id: e.id } }, body: { expect_tip: waits.cid, key: was.key, filename: was.filename, note: "the upload of other content was stopped" } }));
      waits = undefined;
    },
  };
}
