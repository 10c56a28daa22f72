import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { client, data } from "../lib/api";
import { bytes, moment } from "../lib/format";
import { accept, chunks, formats, newSource, useOwns, type Base, type Source } from "../lib/knowledge";
import { useOptimistic } from "../lib/optimistic";
import { upload } from "../lib/uploads";
import { Busy, Empty, EntityLink, Failure, useTitle } from "../parts/basics";
import { Confirm } from "../parts/confirm";
import { TeamFailure } from "../parts/team";
import { Uploader } from "../parts/uploader";
import { baseTabs, type BaseTab } from "../routes";
import { Chunks, Try } from "./basechunks";
import { BaseSettings } from "./basesettings";
import "./knowledge.css";

const names: Record<BaseTab, string> = { files: "Files", chunks: "Chunks", try: "Try a question", settings: "Settings" };

// KnowledgeBase is one with its files, what they were cut into, and what is found in it.
export function KnowledgeBase() {
  const { id } = useParams({ from: "/frame/app/knowledge/$id" });
  const { tab = "files" } = useSearch({ from: "/frame/app/knowledge/$id" });
  const navigate = useNavigate({ from: "/app/knowledge/$id" });
  const owns = useOwns();
  const got = useQuery({
    queryKey: ["base", id],
    queryFn: () => data(client.GET("/v1/portal/knowledge-bases/{id}", { params: { path: { id } } })),
    refetchInterval: (q) => (q.state.data && q.state.data.vectorSpace && !q.state.data.searchReady ? 1500 : false),
  });
  useTitle(got.data?.name ?? "Knowledge base");
  if (got.isPending) return <Busy what="The knowledge base" />;
  if (got.error) return <TeamFailure error={got.error} retry={() => void got.refetch()} />;
  const base = got.data;
  return (
    <>
      <nav aria-label="Where it is">
        <Link to="/app/knowledge">Knowledge bases</Link>
      </nav>
      <header className="head">
        <h1>{base.name}</h1>
        <p className="faint">
          {base.fileCount} {base.fileCount === 1 ? "file" : "files"}, {chunks(base.chunkCount)}, made <time dateTime={base.createdAt}>{moment(base.createdAt)}</time>. Agents call it <code>{base.ref}</code>.{" "}
          <Link to="/app/e/$id" params={{ id: base.id }} search={{ tab: "history" }}>
            Its history
          </Link>
        </p>
        <State base={base} />
      </header>
      <Tabs.Root value={tab} onValueChange={(t) => void navigate({ search: t === "files" ? {} : { tab: t as BaseTab } })}>
        <Tabs.List className="tabs" aria-label="Parts of the knowledge base">
          {baseTabs.map((t) => (
            <Tabs.Trigger key={t} value={t}>
              {names[t]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="files">
          <Files base={base} owns={owns} />
        </Tabs.Content>
        <Tabs.Content value="chunks">
          <Chunks id={id} />
        </Tabs.Content>
        <Tabs.Content value="try">
          <Try base={base} />
        </Tabs.Content>
        <Tabs.Content value="settings">
          <BaseSettings base={base} owns={owns} />
        </Tabs.Content>
      </Tabs.Root>
    </>
  );
}

function State({ base }: { base: Base }) {
  if (base.searchReady) return null;
  return (
    <p role="status" className={base.vectorSpace ? "busy" : "failure"}>
      {base.vectorSpace ? (
        <>
          <span className="spinner" aria-hidden /> Files are being read and cut. What was cut before is found until they are done.
        </>
      ) : (
        "Nothing turns texts into vectors now, and so nothing is found here. Whoever runs the server sets that with --embeddings-url."
      )}
    </p>
  );
}

const sourcesKey = (base: string) => ["base", base, "sources"];

function Files({ base, owns }: { base: Base; owns: boolean }) {
  const queries = useQueryClient();
  const place = `in ${base.id}, to be found`;
  const again = () => void queries.invalidateQueries({ queryKey: ["base", base.id] });
  const got = useQuery({
    queryKey: sourcesKey(base.id),
    queryFn: async () => (await data(client.GET("/v1/portal/knowledge-bases/{id}/sources", { params: { path: { id: base.id } } }))).sources,
    refetchInterval: (q) => (q.state.data?.some((s) => !s.upToDate) ? 1500 : false),
  });
  return (
    <>
      {owns && <Uploader place={place} label="Add files" hint={`Drop files here. ${formats} A file of a name that is there becomes its next version.`} accept={accept} onFiles={(files) => files.forEach((f) => upload(place, f, newSource(f, base.id), again))} />}
      {got.isPending && <Busy what="Its files" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data?.length === 0 && (
        <Empty title="No files">
          <p>{owns ? "Add some above: nothing can be found before." : "Who owns the team can add some."}</p>
        </Empty>
      )}
      {got.data && got.data.length > 0 && <FileTable base={base} sources={got.data} owns={owns} />}
    </>
  );
}

function FileTable({ base, sources, owns }: { base: Base; sources: Source[]; owns: boolean }) {
  const remove = useOptimistic<Source[], string>({
    key: sourcesKey(base.id),
    apply: (shown, file) => shown.filter((s) => s.fileId !== file),
    run: (file) => data(client.DELETE("/v1/portal/knowledge-bases/{id}/files/{file}", { params: { path: { id: base.id, file } } })),
    stale: ["base", base.id],
  });
  return (
    <div className="scroll sources" tabIndex={0} role="region" aria-label="Files">
      <table>
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Tokens
            </th>
            <th scope="col" className="number">
              Size
            </th>
            {owns && (
              <th scope="col">
                <span className="unseen">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sources.map((s) => (
            <tr key={s.fileId}>
              <td>
                <EntityLink id={s.fileId} label={s.sourcePath} />
              </td>
              <td>
                <FileState of={s} base={base.id} />
              </td>
              <td className="number">{s.totalTokens}</td>
              <td className="number">{bytes(s.size)}</td>
              {owns && (
                <td>
                  <Confirm title={`Remove ${s.sourcePath}?`} action="Remove" what={<p>Nothing of it is found any more.</p>} onConfirm={() => remove.mutate(s.fileId)}>
                    <button type="button" className="plain" disabled={remove.isPending} aria-label={`Remove ${s.sourcePath}`}>
                      Remove
                    </button>
                  </Confirm>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {remove.error && <Failure error={remove.error} />}
    </div>
  );
}

function FileState({ of: s, base }: { of: Source; base: string }) {
  const link = s.chunkCount > 0 && (
    <Link to="/app/knowledge/$id" params={{ id: base }} search={{ tab: "chunks", file: s.fileId }}>
      {chunks(s.chunkCount)}
    </Link>
  );
  if (!s.upToDate)
    return (
      <>
        <span className="badge">waiting to be cut</span> {link}
      </>
    );
  if (s.refused)
    return (
      <>
        <span className="badge bad">nothing found in it</span> {s.refused}. Replace its content with a file of a format that is read, or remove it.
      </>
    );
  if (!s.size) return <span className="badge bad">it has no content yet</span>;
  return (
    <>
      <span className="badge good">ready</span> {link}
      {s.truncated && " of its beginning: it holds more text than is read of a file"}
    </>
  );
}
