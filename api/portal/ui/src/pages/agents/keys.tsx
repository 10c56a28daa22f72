import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, data } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Empty, Failure } from "../../parts/basics";
import type { Agent } from "./agent";
import { Confirm } from "../../parts/confirm";
import { Copy } from "../../parts/copy";
import { Field } from "./fields";
import { resolvedQuery } from "./resolved";
import { Usage } from "./limits";
import { OwnersOnly, useOwner } from "./team";

const keysQuery = { queryKey: ["agent-keys"], queryFn: () => data(client.GET("/v1/portal/api-keys")) };
export const limitsQuery = { queryKey: ["limits"], queryFn: () => data(client.GET("/v1/portal/limits")) };

export function AgentKeys({ agent }: { agent: Agent }) {
  const keys = useQuery(keysQuery);
  const limits = useQuery({ ...limitsQuery, staleTime: 0 });
  const owner = useOwner();
  const [fresh, setFresh] = useState("");
  const [going, setGoing] = useState<{ id: string; name: string } | null>(null);
  const queries = useQueryClient();
  const again = () => {
    void queries.invalidateQueries({ queryKey: ["agent-keys"] });
    void queries.invalidateQueries({ queryKey: ["limits"] });
  };
  const revoke = useMutation({
    mutationFn: (id: string) => data(client.DELETE("/v1/portal/api-keys/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      setGoing(null);
      again();
    },
  });
  const rows = keys.data?.apiKeys.filter((k) => k.agentId === agent.id) ?? [];
  return (
    <>
      <p className="lead">With a key a program talks with {agent.name}, in the format of OpenAI or Anthropic. It can do nothing else.</p>
      {fresh && (
        <p className="fresh" role="status">
          The new key, shown this once: <code>{fresh}</code> <Copy text={fresh} what="the key" />
        </p>
      )}
      {keys.isPending && <Busy what="Its keys" />}
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      {keys.data && rows.length === 0 && (
        <Empty title="No key yet">
          <p>Make one for each program, so that you can take one away without the others.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <ul className="cards" aria-label="Keys">
          {rows.map((k) => {
            const bounded = limits.data?.keys.find((b) => b.id === k.id);
            return (
              <li key={k.id}>
                <h2>{k.name}</h2>
                <p>
                  <code>{k.keyPrefix}…</code> {k.status !== "active" && <span className="badge bad">{k.status}</span>}
                </p>
                <p className="faint">
                  made <time title={moment(k.createdAt)}>{ago(k.createdAt)}</time>
                </p>
                {bounded && <Usage of={bounded} />}
                {k.status === "active" && owner && (
                  <p className="acts">
                    <button type="button" className="quiet" aria-label={`Revoke ${k.name}`} onClick={() => setGoing(k)}>
                      Revoke
                    </button>
                  </p>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {owner ? <MakeKey agent={agent} onMade={(key) => (setFresh(key), again())} /> : <OwnersOnly />}
      <Snippets agent={agent} apiKey={fresh || "loom_sk_…"} />
      <Confirm
        open={going !== null}
        onOpen={() => setGoing(null)}
        title={`Revoke ${going?.name}?`}
        action="Revoke the key"
        busy={revoke.isPending}
        onConfirm={() => going && revoke.mutate(going.id)}
        what={
          <>
            <p>Whatever uses it gets an error from now on. It cannot be brought back.</p>
            {revoke.error && <Failure error={revoke.error} />}
          </>
        }
      />
    </>
  );
}

function MakeKey({ agent, onMade }: { agent: Agent; onMade: (key: string) => void }) {
  const [name, setName] = useState("");
  const make = useMutation({
    mutationFn: () => data(client.POST("/v1/portal/api-keys", { body: { name, agentId: agent.id } })),
    onSuccess: (got) => {
      setName("");
      onMade(got.key);
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate();
  };
  return (
    <form onSubmit={submit} className="inline">
      <Field label="Name of a new key" value={name} required maxLength={100} placeholder="website" onChange={setName} />
      <button disabled={make.isPending}>Make a key</button>
      {make.error && <Failure error={make.error} />}
    </form>
  );
}

// Snippets are what a program says to reach the agent.
function Snippets({ agent, apiKey }: { agent: Agent; apiKey: string }) {
  const resolved = useQuery(resolvedQuery(agent.id));
  const model = resolved.data?.resolved.answersBy || agent.availableModels[0] || "model";
  const url = location.origin;
  const snippets: [string, string][] = [
    ["curl", `curl ${url}/v1/chat/completions \\\n  -H "Authorization: Bearer ${apiKey}" \\\n  -H "Content-Type: application/json" \\\n  -d '{"messages":[{"role":"user","content":"Hello"}]}'`],
    ["Python, with openai", `from openai import OpenAI\n\nclient = OpenAI(base_url="${url}/v1", api_key="${apiKey}")\nanswer = client.chat.completions.create(\n    model="${model}",\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(answer.choices[0].message.content)`],
    ["JavaScript, with openai", `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${url}/v1", apiKey: "${apiKey}" });\nconst stream = await client.chat.completions.create({\n  model: "${model}",\n  messages: [{ role: "user", content: "Hello" }],\n  stream: true,\n});\nfor await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");`],
  ];
  return (
    <section aria-labelledby="snippets">
      <h2 id="snippets">How a program asks</h2>
      {!apiKey.endsWith("…") ? <p className="faint">With the new key in it: copy it now.</p> : <p className="faint">Put a key where loom_sk_… stands.</p>}
      {snippets.map(([name, code]) => (
        <figure key={name} className="snippet">
          <figcaption>
            {name} <Copy text={code} what={`for ${name}`} />
          </figcaption>
          <pre tabIndex={0} role="region" aria-label={name}>
            <code>{code}</code>
          </pre>
        </figure>
      ))}
    </section>
  );
}
