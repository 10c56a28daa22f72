import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { client, data } from "../../lib/api";
import { dollars, moment, took } from "../../lib/format";
import { Busy, Empty, Failure, useTitle } from "../../parts/basics";
import { Chart } from "../../parts/chart";

// Windows in hours, and the minutes of a bucket of each.
const windows: [number, string, number][] = [
  [24, "the last day", 60],
  [168, "the last week", 360],
  [720, "the last month", 1440],
  [8760, "the last year", 10_080],
];

export function ServerUsage() {
  useTitle("Usage of all tenants");
  const { window = 24, tenant } = useSearch({ from: "/frame/app/server/usage" });
  const navigate = useNavigate({ from: "/app/server/usage" });
  const of = useQuery({ queryKey: ["tenant", tenant], enabled: Boolean(tenant), queryFn: () => data(client.GET("/v1/admin/tenants/{id}", { params: { path: { id: tenant! } } })) });
  const query = { window, ...(tenant ? { tenant_id: tenant } : {}) };
  const sum = useQuery({ queryKey: ["usage", query], queryFn: () => data(client.GET("/v1/admin/analytics/summary", { params: { query } })), placeholderData: keepPreviousData });
  return (
    <>
      <h1>{tenant ? `Usage of ${of.data?.name ?? "a tenant"}` : "Usage of all tenants"}</h1>
      <p className="inline">
        <label htmlFor="window">Calls of</label>
        <select id="window" value={window} onChange={(e) => void navigate({ search: (s) => ({ ...s, window: Number(e.target.value) }) })}>
          {windows.map(([hours, text]) => (
            <option key={hours} value={hours}>
              {text}
            </option>
          ))}
        </select>
        {tenant && (
          <Link to="/app/server/usage" search={{ window }}>
            Of all tenants
          </Link>
        )}
        <Link to="/app/server/traces" search={tenant ? { tenant } : {}}>
          The calls themselves
        </Link>
      </p>
      {sum.isPending && <Busy what="Usage" />}
      {sum.error && <Failure error={sum.error} retry={() => void sum.refetch()} />}
      {sum.data && sum.data.totalRequests === 0 && (
        <Empty title="No calls in that time">
          <p>Whatever agents of a tenant ask of language models is counted here, with its tokens and what it cost.</p>
        </Empty>
      )}
      {sum.data && sum.data.totalRequests > 0 && (
        <>
          <dl className="stats">
            {(
              [
                ["Calls", sum.data.totalRequests.toLocaleString()],
                ["Failed", `${sum.data.totalErrors.toLocaleString()} (${(sum.data.errorRate * 100).toFixed(1)} %)`],
                ["Tokens", sum.data.totalTokens.toLocaleString()],
                ["Cost", dollars(sum.data.estimatedCostUSD)],
                ["Half were faster than", took(sum.data.p50LatencyMs)],
                ["95 % were faster than", took(sum.data.p95LatencyMs)],
              ] as const
            ).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {sum.data.unpricedRequests > 0 && (
            <p>
              The cost leaves out {sum.data.unpricedRequests.toLocaleString()} calls of models without a price: <Link to="/app/server/prices">set prices</Link>.
            </p>
          )}
          <Series window={window} query={query} />
          {!tenant && <ByTenant window={window} />}
          <ByModel query={query} />
        </>
      )}
    </>
  );
}

type Query = { window: number; tenant_id?: string };

function Series({ window, query }: { window: number; query: Query }) {
  const bucket = windows.find(([hours]) => hours === window)![2];
  const got = useQuery({ queryKey: ["series", query], queryFn: () => data(client.GET("/v1/admin/analytics/timeseries", { params: { query: { ...query, bucket } } })), placeholderData: keepPreviousData });
  const drawn = useMemo(
    () => ({
      times: (got.data ?? []).map((p) => Date.parse(p.bucket) / 1000),
      calls: [{ name: "Calls", values: (got.data ?? []).map((p) => p.requests) }],
      cost: [{ name: "Cost", values: (got.data ?? []).map((p) => p.costUSD), colour: "--mark", format: dollars }],
    }),
    [got.data],
  );
  if (got.isPending) return <Busy what="Calls over time" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  return (
    <>
      <div className="cards">
        <section aria-labelledby="calls-chart">
          <h2 id="calls-chart">Calls over time</h2>
          <Chart title="Calls over time; the table below has the numbers" times={drawn.times} series={drawn.calls} />
        </section>
        <section aria-labelledby="cost-chart">
          <h2 id="cost-chart">Cost over time</h2>
          <Chart title="Cost over time; the table below has the numbers" times={drawn.times} series={drawn.cost} />
        </section>
      </div>
      <details>
        <summary>The numbers of the charts</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label="Calls and cost over time">
          <table>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col" className="number">Calls</th>
                <th scope="col" className="number">Tokens</th>
                <th scope="col" className="number">Cost</th>
              </tr>
            </thead>
            <tbody>
              {got.data
                .filter((p) => p.requests > 0)
                .map((p) => (
                  <tr key={p.bucket}>
                    <td>{moment(p.bucket)}</td>
                    <td className="number">{p.requests.toLocaleString()}</td>
                    <td className="number">{p.tokens.toLocaleString()}</td>
                    <td className="number">{dollars(p.costUSD)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function ByTenant({ window }: { window: number }) {
  const got = useQuery({ queryKey: ["usage by tenant", window], queryFn: () => data(client.GET("/v1/admin/analytics/tenants", { params: { query: { window } } })), placeholderData: keepPreviousData });
  if (got.isPending) return <Busy what="Tenants" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const rows = got.data.tenants.map((t) => ({
    key: t.id,
    name: (
      <Link to="/app/server/usage" search={{ window, tenant: t.id }}>
        {t.name}
      </Link>
    ),
    calls: t.requests,
    failed: t.errors,
    tokens: t.tokens,
    cost: t.costUSD,
  }));
  return <Sums title="By tenant" first="Tenant" rows={rows} />;
}

function ByModel({ query }: { query: Query }) {
  const got = useQuery({ queryKey: ["usage by model", query], queryFn: () => data(client.GET("/v1/admin/analytics/models", { params: { query } })), placeholderData: keepPreviousData });
  if (got.isPending) return <Busy what="Models" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const rows = got.data.models.map((m) => ({ key: m.model, name: <code>{m.model}</code>, calls: m.requests, failed: Math.round(m.requests * m.errorRate), tokens: m.totalTokens, cost: m.estimatedCostUSD }));
  return <Sums title="By model" first="Model" rows={rows} />;
}

type Sum = { key: string; name: React.ReactNode; calls: number; failed: number; tokens: number; cost: number | null };

function Sums({ title, first, rows }: { title: string; first: string; rows: Sum[] }) {
  return (
    <section>
      <h2>{title}</h2>
      <div className="scroll" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{first}</th>
              {["Calls", "Failed", "Tokens", "Cost"].map((name) => (
                <th key={name} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.key}>
                <td>{r.name}</td>
                <td className="number">{r.calls.toLocaleString()}</td>
                <td className="number">{r.failed.toLocaleString()}</td>
                <td className="number">{r.tokens.toLocaleString()}</td>
                <td className="number">{dollars(r.cost)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
