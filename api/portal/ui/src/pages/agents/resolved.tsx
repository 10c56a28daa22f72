import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { client, data, type Schemas } from "../../lib/api";
import { Busy, Failure } from "../../parts/basics";
import type { Agent } from "./agent";

type Resolved = Schemas["Resolved"];

export function resolvedQuery(id: string) {
  return { queryKey: ["resolved", id], queryFn: () => data(client.GET("/v1/portal/agents/{id}/resolved", { params: { path: { id } } })) };
}

// InEffect is what holds for an agent, with the level that each thing comes from.
export function InEffect({ agent }: { agent: Agent }) {
  const got = useQuery({ ...resolvedQuery(agent.id), staleTime: 0 });
  if (got.isPending) return <Busy what="What holds" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const r = got.data.resolved;
  return (
    <>
      <p className="lead">What counts when {agent.name} is asked: its own settings, and where it says nothing, those of the team and of the teams above.</p>
      {!r.active && <p className="failure">A team above is switched off, so this agent does not answer. Whoever runs the server can switch it on.</p>}
      <ol className="chain-of" aria-label="Where settings come from, nearest first">
        {r.inheritanceChain.map((l, i) => (
          <li key={i}>
            <span className="type">{nameOf(r, i)}</span> {l.name || <span className="faint">one that you are not in</span>}
          </li>
        ))}
        <li>
          <span className="type">server</span> <span className="faint">its operator's default</span>
        </li>
      </ol>
      <div className="scroll" tabIndex={0} role="region" aria-label="What holds">
        <table className="resolved">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">What holds</th>
              <th scope="col">Comes from</th>
            </tr>
          </thead>
          <tbody>
            <Provider r={r} />
            <Row name="Models that may be asked for" from={from(r, r.origins.availableModels, "nobody bounds them")}>
              {r.availableModels.length ? r.availableModels.join(", ") : "any"}
            </Row>
            <Row name="Prompt" from={from(r, r.origins.systemPrompt, "nobody gives one")}>
              {r.systemPrompt ? <pre tabIndex={0} role="region" aria-label="Prompt">{r.systemPrompt}</pre> : "none"}
            </Row>
            <Tools r={r} />
            <Row name="With a client's prompt" from="agent">
              {{ prepend: "the agent's comes first", append: "the client's comes first", overwrite: "only the agent's counts", ignore: "only the client's counts" }[r.mergePolicies.system_prompt]}
            </Row>
            <Row name="With a client's tools" from="agent">
              {{ merge: "both count", overwrite: "only the agent's count", ignore: "only the client's count" }[r.mergePolicies.skills]}
            </Row>
            <Row name="Knowledge base" from="agent">
              {agent.knowledgeBaseRef ?? "none"}
            </Row>
            <Row name="Memory" from="agent">
              {agent.conversations_enabled ? `the last ${agent.conversation_token_limit} tokens word for word, what is older as a summary` : "none"}
            </Row>
          </tbody>
        </table>
      </div>
    </>
  );
}

// nameOf is a level in a word: the agent, its team, and those above.
function nameOf(r: Resolved, at: number): string {
  return r.inheritanceChain[at]?.level === "agent" ? "agent" : at === 1 ? "team" : "team above";
}

function from(r: Resolved, at: number | null, nobody: string): string {
  if (at === null) return nobody;
  const level = r.inheritanceChain[at];
  return nameOf(r, at) === "agent" ? "agent" : `${nameOf(r, at)}${level?.name ? ` ${level.name}` : ""}`;
}

function Row({ name, from, children }: { name: string; from: string; children: React.ReactNode }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{children}</td>
      <td>
        <span className="badge">{from}</span>
      </td>
    </tr>
  );
}

function Provider({ r }: { r: Resolved }) {
  const p = r.providerConfig;
  const builtIn = r.answersBy === "stemma/extract";
  return (
    <Row name="Answers by" from={from(r, r.origins.providerConfig, "server")}>
      {r.answersBy ? <code>{r.answersBy}</code> : "whichever model the client names"}
      {p && (
        <>
          {" "}
          of {p.provider}
          {p.baseUrl && (
            <>
              {" "}
              at <code>{p.baseUrl}</code>
            </>
          )}
          {!p.hasApiKey && p.provider !== "ollama" && ", without a key"}
        </>
      )}
      {builtIn && (
        <p className="faint">
          It is built in and no language model: it quotes the knowledge base. Name a provider under <Link to="/app/providers">Providers</Link>, or in the settings of this agent.
        </p>
      )}
    </Row>
  );
}

function Tools({ r }: { r: Resolved }) {
  const name = (t: Record<string, unknown>) => String((t.function as { name?: unknown } | undefined)?.name ?? t.name);
  if (r.skills.length + r.mcpEndpoints.length === 0)
    return (
      <Row name="Tools" from="nobody gives one">
        none
      </Row>
    );
  return (
    <>
      {r.skills.map((t, i) => (
        <Row key={name(t)} name={i === 0 ? "Tools" : ""} from={from(r, r.origins.skills[i] ?? null, "")}>
          <code>{name(t)}</code>, called by the client
        </Row>
      ))}
      {r.mcpEndpoints.map((t, i) => (
        <Row key={name(t)} name={i === 0 ? "Servers of tools" : ""} from={from(r, r.origins.mcpEndpoints[i] ?? null, "")}>
          <code>{name(t)}</code> at <code>{String(t.url)}</code>
        </Row>
      ))}
    </>
  );
}
