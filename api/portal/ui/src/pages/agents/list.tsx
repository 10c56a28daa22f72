import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { client, data } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Empty, Failure, useTitle } from "../../parts/basics";
import { TeamFailure } from "../../parts/team";
import "./agents.css";

export const agentsQuery = { queryKey: ["agents"], queryFn: () => data(client.GET("/v1/portal/agents")) };

export function Agents() {
  useTitle("Agents");
  const got = useQuery(agentsQuery);
  if (got.error) {
    return (
      <>
        <h1>Agents</h1>
        <TeamFailure error={got.error} retry={() => void got.refetch()} />
      </>
    );
  }
  return (
    <>
      <h1>Agents</h1>
      <p className="faint lead">An agent is a model with a prompt, knowledge, tools and limits. Programs reach it with a key, in the format of OpenAI or Anthropic, and all it says is recorded.</p>
      {got.isPending && <Busy what="Agents" />}
      {got.data?.agents.length === 0 && (
        <Empty title="No agent yet">
          <p>Give one a name. It answers at once: by your team's provider, or by the built-in model, which quotes what is in a knowledge base.</p>
        </Empty>
      )}
      {got.data && got.data.agents.length > 0 && (
        <ul className="cards" aria-label="Agents">
          {got.data.agents.map((a) => (
            <li key={a.id}>
              <h2>
                <Link to="/app/agents/$id" params={{ id: a.id }}>
                  {a.name}
                </Link>
              </h2>
              <p className="clip">{a.systemPrompt ?? <span className="faint">No prompt of its own</span>}</p>
              <p className="faint">
                {a.providerConfig?.model ?? "the team's model"}
                {a.knowledgeBaseRef && <>, knows {a.knowledgeBaseRef}</>}
                {a.conversations_enabled && ", remembers"}
              </p>
              <p className="acts">
                <Link to="/app/agents/$id" params={{ id: a.id }} search={{ tab: "chat" }} className="button small" aria-label={`Talk with ${a.name}`}>
                  Talk
                </Link>
                <time dateTime={a.updatedAt} title={moment(a.updatedAt)}>
                  changed {ago(a.updatedAt)}
                </time>
              </p>
            </li>
          ))}
        </ul>
      )}
      {got.data && <Make />}
    </>
  );
}

function Make() {
  const [name, setName] = useState("");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: (name: string) => data(client.POST("/v1/portal/agents", { body: { name } })),
    onSuccess: ({ agent }) => {
      queries.setQueryData(["agent", agent.id], { agent });
      void queries.invalidateQueries({ queryKey: ["agents"] });
      void navigate({ to: "/app/agents/$id", params: { id: agent.id } });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate(name);
  };
  return (
    <form onSubmit={submit} className="inline">
      <label htmlFor="agent-name">Name of a new agent</label>
      <input id="agent-name" value={name} required maxLength={200} onChange={(e) => setName(e.target.value)} />
      <button disabled={make.isPending}>Make an agent</button>
      {make.error && <Failure error={make.error} />}
    </form>
  );
}
