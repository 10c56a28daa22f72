import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { client, data } from "../lib/api";
import { ago, dollars, moment, took } from "../lib/format";
import { Busy, Empty, Failure, useTitle } from "../parts/basics";
import { runFilters, type RunFilters } from "../routes";

const labels: Record<keyof RunFilters, string> = { agent: "Agent", status: "Status", model: "Model", anomaly: "Out of the ordinary", q: "Said in it" };
const choices: Partial<Record<keyof RunFilters, [string, string][]>> = {
  status: [
    ["running", "running"],
    ["completed", "completed"],
    ["failed", "failed"],
    ["cancelled", "cancelled"],
    ["timeout", "timed out"],
  ],
  anomaly: [["any", "anything"]],
};

export function Runs() {
  useTitle("Runs");
  const search = useSearch({ from: "/frame/app/runs" });
  const navigate = useNavigate({ from: "/app/runs" });
  const runs = useInfiniteQuery({
    queryKey: ["runs", search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => data(client.GET("/api/monitoring/runs", { params: { query: { limit: 50, ...search, ...(pageParam ? { cursor: pageParam } : {}) } as never } })),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    refetchInterval: 10_000,
  });
  const set = (name: keyof RunFilters, value: string) => void navigate({ search: (s) => ({ ...s, [name]: value || undefined }), replace: true });
  const filtered = Object.keys(search).length > 0;
  const rows = runs.data?.pages.flatMap((p) => p.runs) ?? [];
  return (
    <>
      <h1>Runs</h1>
      <form className="filters" role="search" onSubmit={(e) => e.preventDefault()}>
        {runFilters.map((name) => (
          <p key={name} className="field">
            <label htmlFor={`f-${name}`}>{labels[name]}</label>
            {choices[name] ? (
              <select id={`f-${name}`} value={search[name] ?? ""} onChange={(e) => set(name, e.target.value)}>
                <option value="">any</option>
                {choices[name].map(([v, text]) => (
                  <option key={v} value={v}>
                    {text}
                  </option>
                ))}
              </select>
            ) : (
              <input id={`f-${name}`} defaultValue={search[name] ?? ""} onBlur={(e) => set(name, e.target.value.trim())} onKeyDown={(e) => e.key === "Enter" && set(name, e.currentTarget.value.trim())} />
            )}
          </p>
        ))}
      </form>
      {runs.isPending && <Busy what="Runs" />}
      {runs.error && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {runs.data && rows.length === 0 && (
        <Empty title={filtered ? "None fits" : "Nothing was recorded yet"}>
          {filtered ? (
            <button type="button" onClick={() => void navigate({ search: {} })}>
              Show all
            </button>
          ) : (
            <p>
              Make a key under <Link to="/app/keys">Keys</Link>, and give an agent this server as its provider: <code>OPENAI_BASE_URL={location.origin}/proxy/ark_live_…/my-agent/openai/v1</code>
            </p>
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Runs">
          <table>
            <thead>
              <tr>
                {["Agent", "Input", "Status", "When", "Took", "Tokens", "Cost", ""].map((h, i) => (
                  <th key={i} scope="col" className={i > 3 && i < 7 ? "number" : undefined}>
                    {h || <span className="unseen">Anomalies</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((r) => (
                <tr key={r.run_id}>
                  <td>{r.agent_name}</td>
                  <td>
                    <Link to="/app/runs/$id" params={{ id: r.run_id }}>
                      {clip(r.input) || r.run_id}
                    </Link>
                  </td>
                  <td>
                    <Status of={r.status} />
                    {r.partial && " (partial)"}
                  </td>
                  <td>
                    <time dateTime={r.started_at} title={moment(r.started_at)}>
                      {ago(r.started_at)}
                    </time>
                  </td>
                  <td className="number">{took(r.duration_ms)}</td>
                  <td className="number">{r.total_tokens ?? "–"}</td>
                  <td className="number">{cost(r.total_cost_cents)}</td>
                  <td>
                    {r.anomalies?.map((a) => (
                      <span key={a} className="badge bad">
                        {a.replaceAll("_", " ")}
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {runs.hasNextPage && (
        <button type="button" disabled={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
          Older runs
        </button>
      )}
    </>
  );
}

function clip(s: string | null | undefined): string {
  return s && s.length > 90 ? `${s.slice(0, 90)}…` : (s ?? "");
}

export function cost(cents: number | null | undefined): string {
  return dollars(cents === null || cents === undefined ? null : cents / 100);
}

export function Status({ of: status }: { of: string }) {
  const way = status === "completed" ? "good" : status === "running" ? "live" : "bad";
  return <span className={`badge ${way}`}>{status}</span>;
}
