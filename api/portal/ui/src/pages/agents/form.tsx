import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, data, Problem, type Schemas } from "../../lib/api";
import { Failure } from "../../parts/basics";
import type { Agent } from "./agent";
import { Area, Check, Choice, Field, Section } from "./fields";
import { LimitFields, limitsOf, type LimitDraft } from "./limits";
import { changes as providerChanges, draftOf as providerDraft, type Draft as ProviderDraft } from "./provider";
import { ProviderFields } from "./provider-fields";
import { Endpoints, Skills, ready, toolFault, type Tool } from "./tools";

type Draft = {
  name: string;
  kind: string;
  prompt: string;
  promptPolicy: Schemas["Policies"]["system_prompt"];
  skillPolicy: Schemas["Policies"]["skills"];
  provider: ProviderDraft;
  models: string;
  remembers: boolean;
  tokens: string;
  summary: string;
  knowledge: string;
  skills: Tool[];
  endpoints: Tool[];
  limits: LimitDraft;
};

const lines = (text: string) =>
  text
    .split("\n")
    .map((l) => l.trim())
    .filter(Boolean);

function draftOf(a: Agent): Draft {
  return {
    name: a.name,
    kind: a.kind,
    prompt: a.systemPrompt ?? "",
    promptPolicy: a.mergePolicies.system_prompt,
    skillPolicy: a.mergePolicies.skills,
    provider: providerDraft(a.providerConfig),
    models: a.availableModels.join("\n"),
    remembers: a.conversations_enabled,
    tokens: String(a.conversation_token_limit),
    summary: a.conversation_summary_model ?? "",
    knowledge: a.knowledgeBaseRef ?? "",
    skills: a.skills,
    endpoints: a.mcpEndpoints,
    limits: limitsOf(a.limits),
  };
}

type Body = Schemas["PortalUpdateAgentRequest"];

// changed is what the form has that the agent has not: what is left out stays as
// it is, also what this form does not know.
function changed(a: Agent, d: Draft): Body {
  const was = draftOf(a);
  const out: Body = {};
  if (d.name.trim() !== was.name) out.name = d.name.trim();
  if (d.kind !== was.kind) out.kind = d.kind as "inference";
  if (d.prompt !== was.prompt) out.systemPrompt = d.prompt;
  if (d.promptPolicy !== was.promptPolicy || d.skillPolicy !== was.skillPolicy) out.mergePolicies = { system_prompt: d.promptPolicy, skills: d.skillPolicy };
  if (d.models !== was.models) out.availableModels = lines(d.models);
  if (d.remembers !== was.remembers) out.conversationsEnabled = d.remembers;
  if (d.tokens !== was.tokens) out.conversationTokenLimit = Number(d.tokens);
  if (d.summary !== was.summary) out.conversationSummaryModel = d.summary.trim();
  if (d.knowledge !== was.knowledge) out.knowledgeBaseRef = d.knowledge;
  const skills = ready(d.skills);
  if (JSON.stringify(skills) !== JSON.stringify(was.skills)) out.skills = skills;
  if (JSON.stringify(d.endpoints) !== JSON.stringify(was.endpoints)) out.mcpEndpoints = d.endpoints;
  if (JSON.stringify(d.limits) !== JSON.stringify(was.limits)) out.limits = { requestsPerMinute: Number(d.limits.requests), tokensPerMinute: Number(d.limits.tokens), usdPerDay: Number(d.limits.usd) };
  const provider = providerChanges(a.providerConfig, d.provider);
  if (provider) out.providerConfig = provider;
  return out;
}

export function AgentForm({ agent }: { agent: Agent }) {
  const [base, setBase] = useState(agent);
  const [d, setDraft] = useState(() => draftOf(agent));
  const [note, setNote] = useState("");
  const [wrong, setWrong] = useState("");
  const queries = useQueryClient();
  const set = (part: Partial<Draft>) => setDraft((d) => ({ ...d, ...part }));
  const body = changed(base, d);
  const dirty = Object.keys(body).length > 0;

  const take = (a: Agent) => {
    queries.setQueryData(["agent", a.id], { agent: a });
    for (const queryKey of [["agents"], ["resolved", a.id], ["entity", a.id], ["limits"]]) void queries.invalidateQueries({ queryKey });
    setBase(a);
    setDraft(draftOf(a));
    setNote("");
  };
  const save = useMutation({
    mutationFn: (tip: string) => data(client.PUT("/v1/portal/agents/{id}", { params: { path: { id: base.id } }, body: { ...body, expect_tip: tip, ...(note ? { note } : {}) } })),
    onSuccess: (got) => take(got.agent),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    const fault = toolFault(d.skills, d.endpoints);
    setWrong(fault);
    if (!fault && dirty) save.mutate(base.cid);
  };
  const late = save.error instanceof Problem && save.error.status === 409;
  return (
    <form onSubmit={submit} className="agent-form" onKeyDown={(e) => (e.ctrlKey || e.metaKey) && e.key === "Enter" && submit(e)}>
      <Words d={d} set={set} />
      <Model agent={base} d={d} set={set} />
      <Mind d={d} set={set} />
      <Section title="Tools" note="The client of the agent calls the tools that are described here; the server calls those of servers by itself, and lets the model go on with what they say.">
        <Skills value={d.skills} onChange={(skills) => set({ skills })} />
        <Choice
          label="When a client brings tools of its own"
          value={d.skillPolicy}
          onChange={(v) => set({ skillPolicy: v as Draft["skillPolicy"] })}
          options={[
            ["merge", "The model may use both"],
            ["overwrite", "Only the agent's count"],
            ["ignore", "Only the client's count"],
          ]}
        />
        <Endpoints value={d.endpoints} onChange={(endpoints) => set({ endpoints })} />
      </Section>
      <Section title="Limits" note="For each key of this agent, and for each person who talks with it here. The team has its own, for all agents together.">
        <LimitFields value={d.limits} onChange={(limits) => set({ limits })} />
      </Section>
      <div className="save">
        <Field label="What this change is" value={note} maxLength={10000} placeholder="It stays in the history" onChange={setNote} />
        <button disabled={!dirty || save.isPending}>{save.isPending ? "Saving" : `Save as version ${base.ver + 1}`}</button>
        {dirty && (
          <button type="button" className="quiet" onClick={() => take(agent)}>
            Undo
          </button>
        )}
        {save.isSuccess && !dirty && <p role="status">Saved as version {base.ver}.</p>}
      </div>
      {wrong && (
        <p className="failure" role="alert">
          {wrong}
        </p>
      )}
      {save.error && !late && <Failure error={save.error} />}
      {late && <Late id={base.id} mine={body} onMine={(a) => save.mutate(a.cid)} onTheirs={take} />}
    </form>
  );
}

// Late is for who saves what somebody else changed meanwhile.
function Late({ id, mine, onMine, onTheirs }: { id: string; mine: Body; onMine: (a: Agent) => void; onTheirs: (a: Agent) => void }) {
  const now = useQuery({ queryKey: ["agent", id, "now"], staleTime: 0, queryFn: () => data(client.GET("/v1/portal/agents/{id}", { params: { path: { id } } })) });
  if (!now.data) return now.error ? <Failure error={now.error} /> : null;
  const { agent } = now.data;
  return (
    <div className="failure" role="alert">
      <p>
        <strong>Somebody else changed this agent while you were writing.</strong> It has version {agent.ver} now. You changed {Object.keys(mine).join(", ")}: everything else stays as they left it.
      </p>
      <p className="acts">
        <button type="button" onClick={() => onMine(agent)}>
          Save mine on top of theirs
        </button>
        <button type="button" className="quiet" onClick={() => onTheirs(agent)}>
          Take theirs, drop mine
        </button>
      </p>
    </div>
  );
}

type Part = { d: Draft; set: (part: Partial<Draft>) => void };

function Words({ d, set }: Part) {
  return (
    <Section title="What it is" note="The prompt goes before everything that people say to it.">
      <Field label="Name" value={d.name} required maxLength={200} onChange={(name) => set({ name })} />
      <Area label="Prompt" rows={8} maxLength={200000} value={d.prompt} placeholder="You answer questions about…" hint="Empty to have the team's" onChange={(prompt) => set({ prompt })} />
      <Choice
        label="When a client brings a prompt of its own"
        value={d.promptPolicy}
        onChange={(v) => set({ promptPolicy: v as Draft["promptPolicy"] })}
        options={[
          ["prepend", "The agent's comes first, then the client's"],
          ["append", "The client's comes first, then the agent's"],
          ["overwrite", "Only the agent's counts"],
          ["ignore", "Only the client's counts"],
        ]}
      />
      <Choice
        label="What it is for"
        value={d.kind}
        onChange={(kind) => set({ kind })}
        options={[
          ["inference", "To answer"],
          ["embedding", "To turn texts into vectors"],
        ]}
      />
    </Section>
  );
}

function Model({ agent, d, set }: Part & { agent: Agent }) {
  const available = useQuery({ queryKey: ["available-providers"], queryFn: () => data(client.GET("/v1/portal/available-providers")) });
  return (
    <Section title="Model" note="Which provider is asked, and for which of its models.">
      <ProviderFields of={agent.providerConfig} draft={d.provider} available={available.data?.providers ?? []} inherits="As the team has it" onChange={(provider) => set({ provider })} />
      <Area label="Models that clients may ask for" rows={3} value={d.models} hint="One a line. Empty for those of the team, or any" onChange={(models) => set({ models })} />
    </Section>
  );
}

function Mind({ d, set }: Part) {
  const bases = useQuery({ queryKey: ["knowledge-bases"], queryFn: () => data(client.GET("/v1/portal/knowledge-bases")) });
  const names = bases.data?.knowledgeBases.map((k) => k.name) ?? [];
  return (
    <Section title="Memory and knowledge">
      <Check label="It remembers conversations" value={d.remembers} hint="Clients go on with one by its name; without, they send what was said before each time" onChange={(remembers) => set({ remembers })} />
      {d.remembers && (
        <>
          <Field label="Tokens that it is given word for word" type="number" min={1} max={10000000} value={d.tokens} required hint="What is older is summarised" onChange={(tokens) => set({ tokens })} />
          <Field label="Model that summarises" value={d.summary} hint="Empty for the one that answers" onChange={(summary) => set({ summary })} />
        </>
      )}
      <Choice
        label="Knowledge base"
        value={d.knowledge}
        hint="What fits a question is looked up there, given to the model, and told as sources"
        options={[["", "None"], ...names.map((n) => [n, n] as const), ...(d.knowledge && !names.includes(d.knowledge) ? [[d.knowledge, bases.data ? `${d.knowledge} (there is none of this name)` : d.knowledge] as const] : [])]}
        onChange={(knowledge) => set({ knowledge })}
      />
    </Section>
  );
}
