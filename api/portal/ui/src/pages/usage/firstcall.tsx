import type { Me } from "../../lib/portal";
import { Empty } from "../../parts/basics";
import { Copy } from "../../parts/copy";

// FirstCall teaches how an agent is asked, to a team of which none was.
export function FirstCall({ me, when }: { me: Me; when: string }) {
  const call = `curl ${location.origin}/v1/chat/completions \\\n  -H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '{"messages":[{"role":"user","content":"Hello"}]}'`;
  return (
    <Empty title={`No agent of ${me.tenant.name} was asked anything ${when}`}>
      <ol>
        <li>
          {me.agents.length === 0 ? (
            <>
              <a href="/app/agents">Make an agent</a>: it has a prompt, a model, and what it knows.
            </>
          ) : (
            <>
              Open <a href={`/app/agents/${me.agents[0]!.id}`}>{me.agents[0]!.name}</a>
              {me.agents.length > 1 && " or another agent"}.
            </>
          )}
        </li>
        <li>Make a key on its page. It is shown once.</li>
        <li>
          Ask it, with any client of OpenAI's or Anthropic's API, or with this: <Copy text={call} what="the command" />
          <pre className="first-call" tabIndex={0}>
            {call}
          </pre>
        </li>
      </ol>
      <p>What it was asked, how long it took and what it cost is here right after.</p>
    </Empty>
  );
}
