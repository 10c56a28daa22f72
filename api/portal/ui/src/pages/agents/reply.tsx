import { Link } from "@tanstack/react-router";
import { useCallback, useEffect, useId, useRef, useState } from "react";
import { Problem, type Schemas } from "../../lib/api";
import { Failure, EntityLink } from "../../parts/basics";
import { Markdown } from "../../parts/markdown";
import { dollars, took } from "../../lib/format";
import type { Agent } from "./agent";
import type { Call, Said } from "./talk";

// Reply is an answer: the tools that were called, what was said, out of what, and
// what it took.
export function Reply({ agent, of, onAgain }: { agent: Agent; of: Said; onAgain?: () => void }) {
  const sources = useRef<HTMLDetailsElement>(null);
  const id = useId();
  const count = of.answer?.rag_sources?.length ?? 0;
  const cite = useCallback(
    (n: number) =>
      n >= 1 && n <= count ? (
        <button
          type="button"
          className="cite"
          aria-label={`Source ${n}`}
          onClick={() => {
            if (sources.current) sources.current.open = true;
            document.getElementById(`${id}-${n}`)?.focus();
          }}
        >
          {n}
        </button>
      ) : null,
    [count, id],
  );
  return (
    <article className="said agent" aria-label={agent.name}>
      {of.calls.map((c, i) => (
        <ToolCall key={i} of={c} />
      ))}
      {of.text && <Markdown text={of.text} cite={cite} />}
      {of.state === "waiting" && (
        <p className="busy">
          <span className="spinner" aria-hidden /> Asking
        </p>
      )}
      <Asked of={of.answer?.message} />
      {count > 0 && (
        <details ref={sources} className="sources">
          <summary>
            {count} {count === 1 ? "source" : "sources"}
          </summary>
          <ol>
            {of.answer!.rag_sources!.map((s) => (
              <Source key={s.chunk_id} id={`${id}-${s.rank}`} of={s} />
            ))}
          </ol>
        </details>
      )}
      {of.state === "stopped" && <p className="note">Stopped.{agent.conversations_enabled && " The agent does not remember this question."}</p>}
      {of.error !== undefined && <ChatFailure agent={agent} error={of.error} onAgain={onAgain} />}
      <Took of={of} />
    </article>
  );
}

function Took({ of }: { of: Said }) {
  const a = of.answer;
  if (!a && (!of.run || of.state === "coming" || of.state === "waiting")) return null;
  return (
    <p className="took">
      {a && (
        <>
          <span title={`${a.prompt_tokens} in, ${a.completion_tokens} out`}>
            {a.prompt_tokens} + {a.completion_tokens} tokens
          </span>
          <span>cost {dollars(a.cost_usd)}</span>
          <code>{a.model}</code>
        </>
      )}
      {of.run && (
        <Link to="/app/calls/$id" params={{ id: of.run }}>
          The recorded run
        </Link>
      )}
    </p>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function ToolCall({ of: c }: { of: Call }) {
  return (
    <details className={c.failed ? "call failed" : "call"}>
      <summary>
        {c.result === undefined ? <span className="spinner" aria-hidden /> : <span aria-hidden>{c.failed ? "✗" : "✓"}</span>} {c.result === undefined ? "Calls" : c.failed ? "The call failed of" : "Called"} <code>{c.name}</code>{" "}
        {c.took !== undefined && <span className="faint">{took(c.took)}</span>}
      </summary>
      <h3>Input</h3>
      <pre tabIndex={0} role="region" aria-label={`Input of ${c.name}`}>{pretty(c.arguments)}</pre>
      {c.result !== undefined && (
        <>
          <h3>Output</h3>
          <pre tabIndex={0} role="region" aria-label={`Output of ${c.name}`}>{pretty(c.result)}</pre>
        </>
      )}
    </details>
  );
}

// Asked are calls of tools that the client would make.
function Asked({ of }: { of: unknown }) {
  const calls = (of as { tool_calls?: { function?: { name?: string; arguments?: string } }[] } | undefined)?.tool_calls;
  if (!calls?.length) return null;
  return (
    <div className="note">
      <p>The model asks for tools that its client calls. Here nobody does:</p>
      <ul>
        {calls.map((c, i) => (
          <li key={i}>
            <code>
              {c.function?.name}({c.function?.arguments})
            </code>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Source({ id, of: s }: { id: string; of: Schemas["Source"] }) {
  const [file, part] = s.chunk_id.split(":");
  return (
    <li id={id} tabIndex={-1} value={s.rank}>
      <p>
        <EntityLink id={file ?? ""} label={s.sourcePath} />{" "}
        <span className="faint">
          {part !== undefined && `passage ${Number(part) + 1}, `}
          {Math.round(s.similarity * 100)} % alike, in {s.knowledge_base}
        </span>
      </p>
      <blockquote tabIndex={0}>{s.content}</blockquote>
      <p className="faint cid">
        <span title="The hash by which this passage can be read for ever">{s.cid}</span>
      </p>
    </li>
  );
}

// ChatFailure says why there is no answer, and what can be done.
function ChatFailure({ agent, error, onAgain }: { agent: Agent; error: unknown; onAgain?: () => void }) {
  const wait = error instanceof Problem ? Number(error.details.retry_after ?? 0) : 0;
  const left = useCountdown(wait);
  if (!(error instanceof Problem) || ![404, 429, 502, 503, 504].includes(error.status)) return <Failure error={error} retry={onAgain} />;
  const settings = (
    <Link to="/app/agents/$id" params={{ id: agent.id }}>
      the settings of this agent
    </Link>
  );
  const remedies: Record<number, React.ReactNode> = {
    404: <>Choose another model below, or name this one in {settings}.</>,
    429: (
      <>
        Limits are set in {settings} and, for all agents, under <Link to="/app/settings" search={{ tab: "limits" }}>Limits</Link>. If it is the provider that takes no more, it has limits of its own.
      </>
    ),
  };
  return (
    <div className="failure" role="alert">
      <p>
        <strong>{error.message}</strong>
      </p>
      <p>
        {remedies[error.status] ?? (
          <>
            Check the address, the key and the model of the provider in {settings}, or under <Link to="/app/providers">Providers</Link>. What the provider said is above.
          </>
        )}
      </p>
      {onAgain && (
        <button type="button" disabled={left > 0} onClick={onAgain}>
          {left > 0 ? `Ask again in ${left} s` : "Ask again"}
        </button>
      )}
    </div>
  );
}

function useCountdown(seconds: number): number {
  const [end] = useState(() => Date.now() + seconds * 1000);
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (left <= 0) return;
    const tick = setInterval(() => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000))), 500);
    return () => clearInterval(tick);
  }, [left, end]);
  return left;
}
