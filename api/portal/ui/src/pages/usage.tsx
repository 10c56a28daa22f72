import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "../lib/api";
import type { Me } from "../lib/portal";
import { count, dollars, took } from "../lib/format";
import { percent, seconds, useAgents, useModels, useSeries, useSummary, type Window } from "../lib/usage";
import { Busy, Empty, Failure, useTitle } from "../parts/basics";
import { Chart } from "../parts/chart";
import { WithTeam } from "../parts/team";
import { ranges } from "../routes";
import { Cards } from "./usage/cards";
import { FirstCall } from "./usage/firstcall";
import "./usage.css";

const spans: Record<(typeof ranges)[number], string> = { "1": "a day", "7": "7 days", "30": "30 days", "90": "90 days", "365": "a year" };

export function UsagePage() {
  useTitle("Usage");
  return (
    <>
      <h1>Usage</h1>
      <WithTeam>{(me) => <Figures me={me} />}</WithTeam>
    </>
  );
}

function Figures({ me }: { me: Me }) {
  const { days = 7, below = false } = useSearch({ from: "/frame/app/usage" });
  const navigate = useNavigate({ from: "/app/usage" });
  const window = { days, below };
  const summary = useSummary(window);
  return (
    <>
      <div className="choose">
        <div className="views" role="group" aria-label="How far back">
          {ranges.map((r) => (
            <button key={r} type="button" aria-pressed={days === Number(r)} onClick={() => void navigate({ search: (s) => ({ ...s, days: Number(r) }), replace: true })}>
              {spans[r]}
            </button>
          ))}
        </div>
        {me.subtenants.length > 0 && (
          <label>
            <input type="checkbox" checked={below} onChange={(e) => void navigate({ search: (s) => ({ ...s, below: e.target.checked }), replace: true })} /> with the teams below
          </label>
        )}
      </div>
      {summary.isPending && <Busy what="The sums" />}
      {summary.error && <Failure error={summary.error} retry={() => void summary.refetch()} />}
      {summary.data?.totalRequests === 0 && <FirstCall me={me} when={`within ${spans[String(days) as "7"]}`} />}
      {summary.data && summary.data.totalRequests > 0 && (
        <>
          <Cards s={summary.data} all />
          <Series window={window} />
          <Models window={window} />
          <Agents days={days} below={below} />
        </>
      )}
    </>
  );
}

function Series({ window }: { window: Window }) {
  const series = useSeries(window);
  const points = series.data;
  const drawn = useMemo(() => {
    if (!points) return [];
    return [
      { title: "Calls", series: [{ name: "Calls", values: points.map((p) => p.requests), format: count }] },
      { title: "Tokens", series: [{ name: "Tokens", values: points.map((p) => p.tokens), format: count, colour: "--mark" }] },
      { title: "Spent", series: [{ name: "Dollars", values: points.map((p) => p.costUSD), format: dollars, colour: "--good" }] },
    ];
  }, [points]);
  const times = useMemo(() => (points ? seconds(points) : []), [points]);
  if (series.isPending) return <Busy what="The course of time" />;
  if (series.error) return <Failure error={series.error} retry={() => void series.refetch()} />;
  const busy = series.data.filter((p) => p.requests > 0).reverse();
  return (
    <>
      <div className="charts">
        {drawn.map((d) => (
          <section key={d.title} aria-label={d.title}>
            <h2>{d.title}</h2>
            <Chart title={`${d.title} over time; the table below has the figures`} times={times} series={d.series} height={160} />
          </section>
        ))}
      </div>
      <details>
        <summary>The same as a table</summary>
        <Table
          caption="Usage over time"
          first="From"
          rows={busy.map((p) => ({ key: p.bucket, name: new Intl.DateTimeFormat(undefined, window.days <= 1 ? { dateStyle: "medium", timeStyle: "short" } : { dateStyle: "medium" }).format(new Date(p.bucket)), requests: p.requests, tokens: p.tokens, cost: p.costUSD, latency: p.avgLatencyMs, errors: p.errorRate }))}
        />
      </details>
    </>
  );
}

function Models({ window }: { window: Window }) {
  const models = useModels(window);
  if (models.isPending) return <Busy what="By model" />;
  if (models.error) return <Failure error={models.error} retry={() => void models.refetch()} />;
  return (
    <section aria-labelledby="models">
      <h2 id="models">By model</h2>
      <Table
        caption="Usage by model"
        first="Model"
        rows={models.data.models.map((m) => ({ key: m.model, name: m.model || "not known", requests: m.requests, tokens: m.totalTokens, cost: m.estimatedCostUSD, latency: m.avgLatencyMs, errors: m.errorRate }))}
      />
    </section>
  );
}

function Agents({ days, below }: Window) {
  const agents = useAgents(days);
  if (agents.isPending) return <Busy what="By agent" />;
  if (agents.error) return <Failure error={agents.error} retry={() => void agents.refetch()} />;
  const asked = agents.data.agents.filter((a: Schemas["AgentUsage"]) => a.requests > 0);
  return (
    <section aria-labelledby="agents">
      <h2 id="agents">By agent</h2>
      {below && <p className="faint">Of this team alone.</p>}
      {asked.length === 0 ? (
        <Empty title="No agent that there still is">
          <p>The calls were of agents that were deleted, or of teams below.</p>
        </Empty>
      ) : (
        <Table
          caption="Usage by agent"
          first="Agent"
          rows={asked.map((a) => ({
            key: a.agentId,
            name: (
              <Link to="/app/e/$id" params={{ id: a.agentId }}>
                {a.name || a.agentId}
              </Link>
            ),
            requests: a.requests,
            tokens: a.totalTokens,
            cost: a.estimatedCostUSD,
            latency: a.avgLatencyMs,
            errors: a.errorRate,
          }))}
        />
      )}
    </section>
  );
}

type Row = { key: string; name: React.ReactNode; requests: number; tokens: number; cost: number | null; latency: number | null; errors: number };

function Table({ caption, first, rows }: { caption: string; first: string; rows: Row[] }) {
  return (
    <table className="usage-table">
      <caption className="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{first}</th>
          <th scope="col" className="number">
            Calls
          </th>
          <th scope="col" className="number wide">
            Failed
          </th>
          <th scope="col" className="number">
            Tokens
          </th>
          <th scope="col" className="number wide">
            Took
          </th>
          <th scope="col" className="number">
            Spent
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((r) => (
          <tr key={r.key}>
            <th scope="row">{r.name}</th>
            <td className="number">{count(r.requests)}</td>
            <td className="number wide">{percent(r.errors)}</td>
            <td className="number">{count(r.tokens)}</td>
            <td className="number wide">{took(r.latency)}</td>
            <td className="number">{dollars(r.cost)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
