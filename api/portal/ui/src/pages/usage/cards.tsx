import type { Schemas } from "../../lib/api";
import { count, dollars, took } from "../../lib/format";
import { percent } from "../../lib/usage";

// Cards are the figures of a time at a glance.
export function Cards({ s, all = false }: { s: Schemas["Summary"]; all?: boolean }) {
  return (
    <dl className="cards">
      <Card name="Calls" value={count(s.totalRequests)} note={s.totalErrors > 0 ? `${count(s.totalErrors)} failed, ${percent(s.errorRate)}` : "none failed"} />
      <Card name="Tokens" value={count(s.totalTokens)} note={`${count(s.promptTokens)} in, ${count(s.completionTokens)} out`} />
      <Card name="Spent" value={dollars(s.estimatedCostUSD)} note={s.unpricedRequests > 0 ? `${count(s.unpricedRequests)} calls have no price` : "at known prices"} />
      {all && <Card name="Time of a call" value={s.p50LatencyMs === null ? "none" : took(s.p50LatencyMs)} note={s.p95LatencyMs === null ? "" : `95 of 100 within ${took(s.p95LatencyMs)}`} />}
      {all && s.ragMetrics.totalRagRequests > 0 && <Card name="Looked things up" value={count(s.ragMetrics.totalRagRequests)} note={`${percent(s.ragMetrics.ragFailureRate)} without success`} />}
    </dl>
  );
}

function Card({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{note}</small>
      </dd>
    </div>
  );
}
