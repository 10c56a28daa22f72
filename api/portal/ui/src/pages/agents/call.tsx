import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { client, data, type Schemas } from "../../lib/api";
import { dollars, moment, took } from "../../lib/format";
import { Busy, EntityLink, useTitle } from "../../parts/basics";
import { Status } from "../runs";
import { TeamFailure } from "../../parts/team";
import "./agents.css";

type Step = Schemas["Step"];

// CallPage is a recorded call of an agent: all that happened between the question
// and the answer.
export function CallPage() {
  const { id } = useParams({ from: "/frame/app/calls/$id" });
  const got = useQuery({ queryKey: ["call", id], queryFn: () => data(client.GET("/v1/portal/traces/{id}", { params: { path: { id } } })) });
  useTitle(got.data ? `${got.data.agent_name ?? "An agent"}: a run` : "Run");
  if (got.isPending) return <Busy what="The run" />;
  if (got.error) return <TeamFailure error={got.error} retry={() => void got.refetch()} />;
  const c = got.data;
  const began = c.steps[0] ? new Date(c.steps[0].at).getTime() : 0;
  return (
    <>
      <header className="head">
        <p>
          <Status of={c.status} /> {c.run.partial === true && <span className="badge">partial</span>} <code>{c.id}</code>
        </p>
        <h1>
          {c.agent_id ? (
            <Link to="/app/agents/$id" params={{ id: c.agent_id }} search={{ tab: "runs" }}>
              {c.agent_name}
            </Link>
          ) : (
            c.agent_name
          )}
        </h1>
        {c.error && <p>{c.error}</p>}
        <p className="faint">
          {moment(c.created_at)}, {took(c.latency_ms)}, first word after {took(c.ttfb_ms)}, {c.prompt_tokens === null ? "tokens unknown" : `${c.prompt_tokens} + ${c.completion_tokens ?? 0} tokens`}, cost {dollars(c.cost_usd)}. As an entity: <EntityLink id={c.id} label="its proof" />
        </p>
      </header>
      <h2>What happened</h2>
      <ol className="timeline">
        {c.steps.map((s) => (
          <li key={s.n} className={s.body.error_message || s.body.status === "error" ? "wrong" : undefined}>
            <span className="faint offset">{took(new Date(s.at).getTime() - began)}</span>
            <div>
              <What of={s} />
              {s.problem && <p className="note">{s.problem}</p>}
              {s.sealed && !s.problem && <p className="faint">kept sealed</p>}
              <details>
                <summary className="faint">Hash</summary>
                <code>{s.cid}</code>
              </details>
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}

const text = (v: unknown) => (typeof v === "string" ? v : v === undefined || v === null ? "" : JSON.stringify(v, null, 2));

function What({ of: s }: { of: Step }) {
  const b = s.body;
  const title: Record<string, string> = {
    start: `Asked, by ${text(b.trigger_type) || "a program"}`,
    context: `Looked up ${Array.isArray(b.retrieved_documents) ? b.retrieved_documents.length : 0} passages`,
    step: b.step_type === "error" ? `${text(b.model)} of ${text(b.provider)} failed` : `${text(b.model)} of ${text(b.provider)} answered`,
    tool: `Called ${text(b.tool_name)}`,
    end: `Ended: ${text(b.status)}`,
  };
  return (
    <>
      <p>
        <span className="type">{s.kind}</span> {title[s.kind] ?? s.kind} {typeof b.duration_ms === "number" && <span className="faint">{took(b.duration_ms)}</span>}
        {typeof b.tokens_used === "number" && <span className="faint">, {b.tokens_used} tokens</span>}
      </p>
      {text(b.error_message) && s.kind !== "end" && <p>{text(b.error_message)}</p>}
      {(["input", "output", "arguments", "result"] as const).map((name) => text(b[name]) && <pre key={name} tabIndex={0} role="region" aria-label={`${name} of step ${s.n}`}>{pretty(text(b[name]))}</pre>)}
      <Documents of={b.retrieved_documents} />
      {text(b.request) && (
        <details>
          <summary>What the model was sent</summary>
          <pre>{pretty(text(b.request))}</pre>
        </details>
      )}
    </>
  );
}

function pretty(text: string): string {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Documents({ of }: { of: unknown }) {
  if (!Array.isArray(of) || of.length === 0) return null;
  return (
    <ul>
      {(of as { chunk_id?: string; source_path?: string; similarity?: number }[]).map((d, i) => (
        <li key={i}>
          <EntityLink id={d.chunk_id?.split(":")[0] ?? ""} label={d.source_path} /> <span className="faint">{d.similarity !== undefined && `${Math.round(d.similarity * 100)} % alike`}</span>
        </li>
      ))}
    </ul>
  );
}
