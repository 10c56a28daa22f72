import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { client, data } from "../../lib/api";
import { ago, dollars, moment, took } from "../../lib/format";
import { Busy, Empty, Failure, useTitle } from "../../parts/basics";

export function ServerTraces() {
  useTitle("Calls of all tenants");
  const { tenant } = useSearch({ from: "/frame/app/server/traces" });
  const navigate = useNavigate({ from: "/app/server/traces" });
  const tenants = useQuery({ queryKey: ["tenants", "to look at"], queryFn: () => data(client.GET("/v1/admin/tenants", { params: { query: { limit: 500 } } })) });
  const got = useInfiniteQuery({
    queryKey: ["traces", tenant],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => data(client.GET("/v1/admin/traces", { params: { query: { limit: 50, ...(tenant ? { tenant_id: tenant } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: 10_000,
  });
  const rows = got.data?.pages.flatMap((p) => p.traces) ?? [];
  const names = new Map((tenants.data?.tenants ?? []).map((t) => [t.id, t.name]));
  return (
    <>
      <h1>Calls of language models</h1>
      <p className="inline">
        <label htmlFor="tenant">Of</label>
        <select id="tenant" value={tenant ?? ""} onChange={(e) => void navigate({ search: e.target.value ? { tenant: e.target.value } : {} })}>
          <option value="">all tenants</option>
          {tenant && !names.has(tenant) && <option value={tenant}>{tenant}</option>}
          {[...names].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </p>
      {got.isPending && <Busy what="Calls" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data && rows.length === 0 && (
        <Empty title="No calls yet">
          <p>
            When a client asks an agent something, the call is here a moment later. A key of an agent is made on the page of its <Link to="/app/server/tenants">tenant</Link>.
          </p>
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Calls">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Agent</th>
                <th scope="col">Tenant</th>
                <th scope="col">Model</th>
                <th scope="col">Answer</th>
                <th scope="col" className="number">Took</th>
                <th scope="col" className="number">Tokens</th>
                <th scope="col" className="number">Cost</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((t) => (
                <tr key={t.id}>
                  <td>
                    <Link to="/app/server/traces/$id" params={{ id: t.id }} title={moment(t.created_at)}>
                      {ago(t.created_at)}
                    </Link>
                  </td>
                  <td>{t.agent_name ?? t.agent_id}</td>
                  <td>{(t.tenant_id && names.get(t.tenant_id)) ?? t.tenant_id}</td>
                  <td>
                    <code>{t.model}</code>
                  </td>
                  <td>
                    <span className={`badge ${t.status_code < 400 ? "good" : "bad"}`}>{t.status_code}</span>
                  </td>
                  <td className="number">{took(t.latency_ms)}</td>
                  <td className="number">{t.prompt_tokens === null && t.completion_tokens === null ? "unknown" : ((t.prompt_tokens ?? 0) + (t.completion_tokens ?? 0)).toLocaleString()}</td>
                  <td className="number">{dollars(t.cost_usd)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {got.hasNextPage && (
        <button type="button" disabled={got.isFetchingNextPage} onClick={() => void got.fetchNextPage()}>
          Older calls
        </button>
      )}
    </>
  );
}
