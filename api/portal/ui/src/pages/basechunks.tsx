import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { client, data } from "../lib/api";
import { chunks, type Base } from "../lib/knowledge";
import { Busy, Empty, EntityLink, Failure } from "../parts/basics";

const size = 25;

// Chunks are what the files were cut into.
export function Chunks({ id }: { id: string }) {
  const { page = 1, file } = useSearch({ from: "/frame/app/knowledge/$id" });
  const navigate = useNavigate({ from: "/app/knowledge/$id" });
  const offset = (page - 1) * size;
  const got = useQuery({
    queryKey: ["base", id, "chunks", page, file],
    queryFn: () => data(client.GET("/v1/portal/knowledge-bases/{id}/chunks", { params: { path: { id }, query: { limit: size, offset, ...(file ? { file } : {}) } } })),
    placeholderData: keepPreviousData,
  });
  const go = (to: { page?: number; file?: string }) => void navigate({ search: { tab: "chunks", ...to } });
  if (got.isPending) return <Busy what="Chunks" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const { total, chunks: shown } = got.data;
  return (
    <>
      <p className="faint">
        {total === 0 ? "" : `${offset + 1} to ${offset + shown.length} of ${chunks(total)}`}
        {file && (
          <>
            {" "}
            of one file.{" "}
            <button type="button" className="plain" onClick={() => go({})}>
              Show those of all files
            </button>
          </>
        )}
      </p>
      {shown.length === 0 && (
        <Empty title="No chunks">
          <p>{page > 1 ? "There are fewer pages than that." : "They are there as soon as a file was read and cut."}</p>
          {(page > 1 || file) && (
            <button type="button" onClick={() => go({})}>
              Show the first
            </button>
          )}
        </Empty>
      )}
      <ol className="chunks" aria-label="Chunks">
        {shown.map((c) => (
          <li key={c.id}>
            <p>
              <strong>Chunk {c.index + 1}</strong>
              <span>
                of <EntityLink id={c.fileId} label={c.sourcePath} />, version {c.fileVersion}
              </span>
              <span className="faint">{c.tokenCount} tokens</span>
            </p>
            <blockquote className="quote" tabIndex={0}>
              {c.content}
            </blockquote>
            <p className="faint">
              <code>{c.cid}</code>
            </p>
          </li>
        ))}
      </ol>
      {total > size && (
        <nav className="inline" aria-label="Pages">
          <button type="button" disabled={page === 1} onClick={() => go({ file, page: page > 2 ? page - 1 : undefined })}>
            Earlier
          </button>
          <button type="button" disabled={offset + shown.length >= total} onClick={() => go({ file, page: page + 1 })}>
            Further
          </button>
        </nav>
      )}
    </>
  );
}

// Try asks a question as an agent would, and shows what the agent would be given.
export function Try({ base }: { base: Base }) {
  const { q, k = Math.min(base.settings.top_k, 20), least = base.settings.similarity_threshold } = useSearch({ from: "/frame/app/knowledge/$id" });
  const navigate = useNavigate({ from: "/app/knowledge/$id" });
  const got = useQuery({
    queryKey: ["base", base.id, "try", q, k, least],
    enabled: Boolean(q),
    queryFn: () => data(client.POST("/v1/portal/knowledge-bases/{id}/search", { params: { path: { id: base.id } }, body: { query: q!, topK: k, similarityThreshold: least } })),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    void navigate({ search: { tab: "try", q: String(form.get("q")).trim(), k: Number(form.get("k")), least: Number(form.get("least")) } });
  };
  return (
    <>
      <form className="asking" role="search" onSubmit={submit}>
        <p className="field question">
          <label htmlFor="q">Question</label>
          <input id="q" name="q" key={q} defaultValue={q ?? ""} required maxLength={10_000} placeholder="What somebody would ask the agent" />
        </p>
        <p className="field">
          <label htmlFor="k">At most</label>
          <input id="k" name="k" type="number" min={1} max={20} step={1} required defaultValue={k} />
        </p>
        <p className="field">
          <label htmlFor="least">Least similarity</label>
          <input id="least" name="least" type="number" min={0} max={1} step="any" required defaultValue={least} />
        </p>
        <button>Find chunks</button>
      </form>
      {!q && (
        <Empty title="See what an agent would be given">
          <p>Ask what people will ask. When the right text is not among the first, try smaller chunks; when wrong text is, raise the least similarity. What you set here is for this question; the tab Settings keeps it.</p>
        </Empty>
      )}
      {q && got.isPending && <Busy what="Looking" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data?.chunks.length === 0 && (
        <Empty title="Nothing is near enough">
          <p>{least > 0 ? `Nothing is at least ${least} similar. Lower that, or put a file in that answers the question.` : "No file says anything like it. Put one in that answers the question."}</p>
        </Empty>
      )}
      {got.data && got.data.chunks.length > 0 && (
        <>
          <p className="faint" role="status">
            {chunks(got.data.chunks.length)} in {got.data.latencies.totalMs.toFixed(0)} ms
          </p>
          <ol className="chunks" aria-label="Found">
            {got.data.chunks.map((c) => (
              <li key={c.chunk_id}>
                <p>
                  <strong>{c.rank}.</strong>
                  <EntityLink id={c.fileId} label={c.sourcePath} />
                  <span className="score">
                    <meter aria-label="Similarity" min={0} max={1} value={c.similarityScore} /> {c.similarityScore.toFixed(3)}
                  </span>
                  <Link to="/app/knowledge/$id" params={{ id: base.id }} search={{ tab: "chunks", file: c.fileId }}>
                    all chunks of the file
                  </Link>
                </p>
                <blockquote className="quote" tabIndex={0}>
                  {c.content}
                </blockquote>
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  );
}
