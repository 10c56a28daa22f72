import type { Schemas } from "../../lib/api";
import { Field } from "./fields";

export type LimitDraft = { requests: string; tokens: string; usd: string };

export function limitsOf(l: Schemas["Limits"]): LimitDraft {
  return { requests: String(l.requestsPerMinute), tokens: String(l.tokensPerMinute), usd: String(l.usdPerDay) };
}

export function LimitFields({ value: v, onChange, disabled }: { value: LimitDraft; onChange: (v: LimitDraft) => void; disabled?: boolean }) {
  return (
    <div className="three">
      <Field label="Requests a minute" type="number" min={0} max={1000000000} required disabled={disabled} value={v.requests} hint="0: any number" onChange={(requests) => onChange({ ...v, requests })} />
      <Field label="Tokens a minute" type="number" min={0} max={1000000000000} required disabled={disabled} value={v.tokens} hint="0: any number" onChange={(tokens) => onChange({ ...v, tokens })} />
      <Field label="Dollars a day" type="number" min={0} max={1000000000} step="any" required disabled={disabled} value={v.usd} hint="0: any amount" onChange={(usd) => onChange({ ...v, usd })} />
    </div>
  );
}

type Bounded = Schemas["Bounded"];

// Usage is what is used of limits, in words and as bars.
export function Usage({ of: { limits, used } }: { of: Bounded }) {
  const rows: [string, number, number, string][] = [
    ["requests in the last minute", used.requests, limits.requestsPerMinute, ""],
    ["tokens in the last minute", used.tokens, limits.tokensPerMinute, ""],
    ["dollars today", used.usd, limits.usdPerDay, "$"],
  ];
  return (
    <ul className="plain usage">
      {rows.map(([what, is, most, unit]) => (
        <li key={what}>
          {most > 0 ? (
            <>
              <meter min={0} max={most} high={most * 0.8} value={Math.min(is, most)} aria-label={what} />{" "}
              <span>
                {unit}
                {number(is)} of {unit}
                {number(most)} {what.replace("dollars ", "")}
              </span>
            </>
          ) : (
            <span className="faint">
              {unit === "$" ? `$${number(is)} today, ` : ""}no limit of {what.split(" ")[0]}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function number(n: number): string {
  return n.toLocaleString(undefined, { maximumFractionDigits: n !== 0 && Math.abs(n) < 1 ? 4 : 2 });
}
