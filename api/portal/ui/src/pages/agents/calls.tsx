import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { client, data } from "../../lib/api";
import { ago, dollars, moment, took } from "../../lib/format";
import { Busy, Empty, Failure } from "../../parts/basics";
import { Status } from "../runs";
import type { Agent } from "./agent";

// Calls are the recorded calls of an agent; each is a run.
export function Calls({ agent }: { agent: Agent }) {
  const got = useInfiniteQuery({
    queryKey: ["calls", agent.id],
    initialPageParam: undefined as string | undefined,
    staleTime: 0,
    queryFn: ({ pageParam }) => data(client.GET("/v1/portal/traces", { params: { query: { agent_id: agent.id, limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (last) => last.nextCursor ?? undefined,
  });
  if (got.isPending) return <Busy what="Its runs" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const rows = got.data.pages.flatMap((p) => p.traces);
  if (rows.length === 0)
    return (
      <Empty title="Nobody has asked it yet">
        <p>Every answer of {agent.name} is recorded here, with what the model was sent, the tools that were called, and what it cost.</p>
        <Link to="/app/agents/$id" params={{ id: agent.id }} search={{ tab: "chat" }} className="button">
          Talk with it
        </Link>
      </Empty>
    );
  return (
    <>
      <p className="acts">
        <button type="button" className="quiet" disabled={got.isFetching} onClick={() => void got.refetch()}>
          Look again
        </button>
      </p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Runs of the agent">
        <table>
          <thead>
            <tr>
              {["When", "Status", "Model", "Took", "Tokens", "Cost"].map((h, i) => (
                <th key={h} scope="col" className={i > 2 ? "number" : undefined}>
                  {h}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((t) => (
              <tr key={t.id}>
                <td>
                  <Link to="/app/calls/$id" params={{ id: t.id }}>
                    <time dateTime={t.created_at} title={moment(t.created_at)}>
                      {ago(t.created_at)}
                    </time>
                  </Link>
                </td>
                <td>
                  <Status of={t.status} />
                  {t.error && <span className="faint clip">{t.error}</span>}
                </td>
                <td>{t.model || "–"}</td>
                <td className="number">{took(t.latency_ms)}</td>
                <td className="number">{t.prompt_tokens === null ? "–" : t.prompt_tokens + (t.completion_tokens ?? 0)}</td>
                <td className="number">{dollars(t.cost_usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {got.hasNextPage && (
        <button type="button" disabled={got.isFetchingNextPage} onClick={() => void got.fetchNextPage()}>
          Older runs
        </button>
      )}
    </>
  );
}
