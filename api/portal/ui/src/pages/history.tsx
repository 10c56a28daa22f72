import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client, data, type Entity } from "../lib/api";
import { ago, moment, text } from "../lib/format";
import { Busy, Empty, EntityLink, Failure } from "../parts/basics";

// History is the line of versions; two of them are compared, those that the
// address of whichever page it stands in names.
export function History({ e }: { e: Entity }) {
  const { from, to } = useSearch({ strict: false });
  const navigate = useNavigate();
  const pages = useInfiniteQuery({
    queryKey: ["versions", e.id, e.cid],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => data(client.GET("/versions/{id}", { params: { path: { id: e.id }, query: { limit: 50, ...(pageParam ? { from: pageParam } : {}) } } })),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const queries = useQueryClient();
  const restore = useMutation({
    mutationFn: (ver: number) => data(client.POST("/entities/{id}/restore", { params: { path: { id: e.id } }, body: { expect_tip: e.cid, ver } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["entity", e.id] }),
  });
  if (pages.isPending) return <Busy what="Its versions" />;
  if (pages.error) return <Failure error={pages.error} />;
  const versions = pages.data.pages.flatMap((p) => p.versions);
  const b = to ?? e.ver;
  const a = from ?? b - 1;
  const choose = (from: number, to: number) => void navigate({ to: ".", search: (s) => ({ ...s, from: Math.min(from, to), to: Math.max(from, to) }), replace: true, resetScroll: false });
  return (
    <div className="two history">
      <section aria-labelledby="versions">
        <h2 id="versions">Versions</h2>
        <ol className="versions">
          {versions.map((v) => (
            <li key={v.cid} aria-current={v.ver === b ? "true" : undefined}>
              <button type="button" className="plain" onClick={() => choose(v.ver - 1, v.ver)}>
                Version {v.ver}
              </button>{" "}
              <time dateTime={v.ts} title={moment(v.ts)}>
                {ago(v.ts)}
              </time>{" "}
              <EntityLink id={v.edited_by.user_id} label="who" />
              {v.note && <p>{v.note}</p>}
              <p className="acts">
                {v.ver !== b && (
                  <button type="button" className="plain" onClick={() => choose(v.ver, b)}>
                    Compare with version {b}
                  </button>
                )}
                {v.ver !== e.ver && (
                  <button type="button" className="plain" disabled={restore.isPending} onClick={() => restore.mutate(v.ver)}>
                    Restore
                  </button>
                )}
              </p>
            </li>
          ))}
        </ol>
        {pages.hasNextPage && (
          <button type="button" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
            Older versions
          </button>
        )}
        {restore.error && <Failure error={restore.error} />}
      </section>
      <section aria-labelledby="changes">
        <h2 id="changes">{a < 1 ? `Version ${b}, the first` : `From version ${a} to ${b}`}</h2>
        {a < 1 ? <p className="faint">There is nothing before it.</p> : <Changes id={e.id} from={versions.find((v) => v.ver === a) ?? { ver: a }} to={versions.find((v) => v.ver === b) ?? { ver: b }} />}
      </section>
    </div>
  );
}

type Side = { ver: number; cid?: string };

// Changes is the difference of two versions. One that is not in the list yet may
// only be the one before the other, which the server finds.
function Changes({ id, from, to }: { id: string; from: Side; to: Side }) {
  const known = to.cid !== undefined && (from.cid !== undefined || from.ver === to.ver - 1);
  const got = useQuery({ queryKey: ["diff", id, from, to], enabled: known, staleTime: Infinity, queryFn: () => data(client.GET("/entities/{id}/diff", { params: { path: { id }, query: { from: from.cid, to: to.cid } } })) });
  if (!known) return <p>Show older versions first: this one is not in the list yet.</p>;
  if (got.isPending) return <Busy what="What changed" />;
  if (got.error) return <Failure error={got.error} />;
  const c = got.data.changes;
  if (!c) return null;
  const { added, removed, changed } = c.properties;
  const rows: [string, unknown, unknown][] = [
    ...Object.entries(removed).map(([n, v]) => [n, v, undefined] as [string, unknown, unknown]),
    ...Object.entries(changed).map(([n, v]) => [n, (v as { from?: unknown }).from, (v as { to?: unknown }).to] as [string, unknown, unknown]),
    ...Object.entries(added).map(([n, v]) => [n, undefined, v] as [string, unknown, unknown]),
  ];
  const relations = [...c.relationships.removed.map((r) => ({ sign: "−", r })), ...c.relationships.added.map((r) => ({ sign: "+", r }))];
  if (rows.length + relations.length + c.relationships.changed.length === 0)
    return (
      <Empty title="Nothing changed">
        <p>Both have the same properties and relationships.</p>
      </Empty>
    );
  return (
    <>
      {rows.length > 0 && (
        <table className="diff">
          <thead>
            <tr>
              <th scope="col">Property</th>
              <th scope="col">Version {from.ver}</th>
              <th scope="col">Version {to.ver}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, was, is]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{was !== undefined && <del>{pretty(was)}</del>}</td>
                <td>{is !== undefined && <ins>{pretty(is)}</ins>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {relations.length > 0 && (
        <ul className="relations">
          {relations.map(({ sign, r }, i) => {
            const rel = r as unknown as { predicate: string; peer: string; peer_label?: string; peer_type?: string };
            return (
              <li key={i}>
                {sign === "+" ? <ins>+ {rel.predicate}</ins> : <del>− {rel.predicate}</del>} <EntityLink id={rel.peer} label={rel.peer_label} type={rel.peer_type} />
              </li>
            );
          })}
        </ul>
      )}
      {c.relationships.changed.length > 0 && <p>{c.relationships.changed.length} relationships have other properties.</p>}
    </>
  );
}

function pretty(v: unknown): string {
  return typeof v === "object" ? JSON.stringify(v, null, 2) : text(v);
}
