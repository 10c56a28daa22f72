import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { useState, type FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { session, setSession } from "../../lib/session";
import { Busy, Failure, useTitle } from "../../parts/basics";
import { Area, Check, Choice, Field, Section } from "../agents/fields";
import { limitsQuery } from "../agents/keys";
import { LimitFields, limitsOf, Usage } from "../agents/limits";
import { TeamFailure } from "../../parts/team";
import { OwnersOnly, useOwner } from "../agents/team";
import { Endpoints, ready, Skills, toolFault } from "../agents/tools";
import { settingTabs, type SettingTab } from "../../routes";
import { Recording } from "./recording";
import "../agents/agents.css";

const names: Record<SettingTab, string> = { team: "Team", limits: "Limits", recording: "Recording" };
type Settings = Schemas["TenantSettings"];

const settingsQuery = { queryKey: ["tenant-settings"], queryFn: () => data(client.GET("/v1/portal/settings")) };

export function TeamSettings() {
  const { tab = "team" } = useSearch({ from: "/frame/app/settings" });
  const navigate = useNavigate({ from: "/app/settings" });
  useTitle(`Team settings: ${names[tab].toLowerCase()}`);
  const got = useQuery(settingsQuery);
  const of = (part: (s: Settings) => React.ReactNode) => (got.data ? part(got.data) : got.error ? <TeamFailure error={got.error} retry={() => void got.refetch()} /> : <Busy what="Settings" />);
  return (
    <>
      <h1>Team settings</h1>
      <Tabs.Root value={tab} onValueChange={(t) => void navigate({ search: t === "team" ? {} : { tab: t as SettingTab } })}>
        <Tabs.List className="tabs" aria-label="Parts of the settings">
          {settingTabs.map((t) => (
            <Tabs.Trigger key={t} value={t}>
              {names[t]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="team">{of((s) => <Team key={s.id} of={s} />)}</Tabs.Content>
        <Tabs.Content value="limits">{of((s) => <Limits of={s} />)}</Tabs.Content>
        <Tabs.Content value="recording">
          <Recording />
        </Tabs.Content>
      </Tabs.Root>
    </>
  );
}

function useSave(onSaved: (s: Settings) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["PortalSetSettingsRequest"]) => data(client.PATCH("/v1/portal/settings", { body })),
    onSuccess: (now) => {
      queries.setQueryData(["tenant-settings"], now);
      for (const queryKey of [["resolved"], ["limits"], ["portal", "me"]]) void queries.invalidateQueries({ queryKey });
      const who = session();
      if (who?.tenant?.id === now.id && who.tenant.name !== now.name) setSession({ ...who, tenant: { id: now.id, name: now.name } });
      onSaved(now);
    },
  });
}

type Draft = { name: string; slug: string; prompt: string; seal: boolean; skills: Settings["skills"]; endpoints: Settings["mcpEndpoints"]; embedder: Embedder };
type Embedder = { provider: string; model: string; url: string; dimensions: string };

const text = (v: unknown) => (typeof v === "string" || typeof v === "number" ? String(v) : "");

function draftOf(s: Settings): Draft {
  const e = s.embedder;
  return {
    name: s.name,
    slug: s.orgSlug,
    prompt: s.systemPrompt ?? "",
    seal: s.sealContent,
    skills: s.skills,
    endpoints: s.mcpEndpoints,
    embedder: { provider: text(e?.provider), model: text(e?.model), url: text(e?.base_url), dimensions: text(e?.dimensions) },
  };
}

function changed(s: Settings, d: Draft): Schemas["PortalSetSettingsRequest"] {
  const was = draftOf(s);
  const skills = ready(d.skills);
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  return {
    ...(d.name.trim() !== was.name ? { name: d.name.trim() } : {}),
    ...(d.slug.trim() !== was.slug ? { orgSlug: d.slug.trim() } : {}),
    ...(d.prompt !== was.prompt ? { systemPrompt: d.prompt } : {}),
    ...(d.seal !== was.seal ? { sealContent: d.seal } : {}),
    ...(!same(skills, was.skills) ? { skills } : {}),
    ...(!same(d.endpoints, was.endpoints) ? { mcpEndpoints: d.endpoints } : {}),
    ...(!same(d.embedder, was.embedder) ? { embedder: embedder(s.embedder, d.embedder) } : {}),
  };
}

// embedder is what the form says of it, with what it does not know.
function embedder(was: Settings["embedder"], d: Embedder): Record<string, unknown> {
  if (!d.provider) return {};
  const { provider: _p, model: _m, base_url: _b, dimensions: _d, ...rest } = was ?? {};
  return { ...rest, provider: d.provider, model: d.model, ...(d.url ? { base_url: d.url } : {}), ...(d.dimensions ? { dimensions: Number(d.dimensions) } : {}) };
}

function Team({ of }: { of: Settings }) {
  const [base, setBase] = useState(of);
  const [d, setDraft] = useState(() => draftOf(of));
  const [wrong, setWrong] = useState("");
  const owner = useOwner();
  const set = (part: Partial<Draft>) => setDraft((d) => ({ ...d, ...part }));
  const save = useSave((now) => (setBase(now), setDraft(draftOf(now))));
  const body = changed(base, d);
  const dirty = Object.keys(body).length > 0;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    const fault = toolFault(d.skills, d.endpoints);
    setWrong(fault);
    if (!fault) save.mutate(body);
  };
  return (
    <form onSubmit={submit} className="agent-form">
      <fieldset disabled={!owner} className="whole">
        <legend className="unseen">Settings of the team</legend>
        <Section title="The team">
          <Field label="Name" value={d.name} required maxLength={180} onChange={(name) => set({ name })} />
          <Field label="Short name" value={d.slug} required pattern="[a-z0-9][a-z0-9\-]{1,48}[a-z0-9]" hint="In references to knowledge bases, like my-team/handbook" onChange={(slug) => set({ slug })} />
        </Section>
        <Section title="For every agent" note="What an agent does not say itself it has from here, and agents of the teams below, too.">
          <Area label="Prompt" rows={5} maxLength={200000} value={d.prompt} hint="For agents that have none of their own" onChange={(prompt) => set({ prompt })} />
          <Skills value={d.skills} onChange={(skills) => set({ skills })} />
          <Endpoints value={d.endpoints} onChange={(endpoints) => set({ endpoints })} />
          <p>
            Which model answers is set under <Link to="/app/providers">Providers</Link>.
          </p>
        </Section>
        <Section title="What is kept" note="Recorded prompts and answers, and what agents remember.">
          <Check label="Keep what is said sealed" value={d.seal} hint="Encrypted under the team's own key: whoever copies the server's data cannot read it without the master key. It counts from now on" onChange={(seal) => set({ seal })} />
        </Section>
        <EmbedderFields value={d.embedder} onChange={(embedder) => set({ embedder })} />
      </fieldset>
      {owner ? (
        <div className="save">
          <button disabled={!dirty || save.isPending}>{save.isPending ? "Saving" : "Save"}</button>
          {save.isSuccess && !dirty && <p role="status">Saved.</p>}
        </div>
      ) : (
        <OwnersOnly />
      )}
      {wrong && (
        <p className="failure" role="alert">
          {wrong}
        </p>
      )}
      {save.error && <Failure error={save.error} />}
    </form>
  );
}

function EmbedderFields({ value: v, onChange }: { value: Embedder; onChange: (v: Embedder) => void }) {
  return (
    <Section title="Meaning of texts" note="What turns the texts of knowledge bases into vectors, by which they are found. With another one all files are embedded again.">
      <Choice
        label="Embeddings by"
        value={v.provider}
        options={[
          ["", "The server's"],
          ["openai", "OpenAI, or what speaks like it"],
          ["ollama", "Ollama"],
        ]}
        onChange={(provider) => onChange({ ...v, provider })}
      />
      {v.provider && (
        <>
          <Field label="Model of embeddings" required value={v.model} placeholder="text-embedding-3-small" onChange={(model) => onChange({ ...v, model })} />
          <Field label="Address of embeddings" type="url" value={v.url} hint="Empty for the provider's own. The key is the one of the team's provider of this kind and address" onChange={(url) => onChange({ ...v, url })} />
          <Field label="Dimensions" type="number" min={1} value={v.dimensions} hint="Empty where the model is known" onChange={(dimensions) => onChange({ ...v, dimensions })} />
        </>
      )}
    </Section>
  );
}

function Limits({ of }: { of: Settings }) {
  const [d, setDraft] = useState(() => limitsOf(of.limits));
  const owner = useOwner();
  const used = useQuery({ ...limitsQuery, refetchInterval: 10_000 });
  const save = useSave((now) => setDraft(limitsOf(now.limits)));
  const dirty = JSON.stringify(d) !== JSON.stringify(limitsOf(of.limits));
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate({ limits: { requestsPerMinute: Number(d.requests), tokensPerMinute: Number(d.tokens), usdPerDay: Number(d.usd) } });
  };
  return (
    <>
      <form onSubmit={submit} className="agent-form">
        <Section title="Of the team" note="For all agents together. Who reaches one is told how long to wait. A day ends at midnight UTC.">
          <LimitFields value={d} disabled={!owner} onChange={setDraft} />
          {owner ? (
            <div className="acts">
              <button disabled={!dirty || save.isPending}>{save.isPending ? "Saving" : "Save"}</button>
              {save.isSuccess && !dirty && <span role="status">Saved.</span>}
            </div>
          ) : (
            <OwnersOnly />
          )}
          {save.error && <Failure error={save.error} />}
          {used.data && (
            <>
              <h3>Used now</h3>
              <Usage of={used.data.tenant} />
            </>
          )}
        </Section>
      </form>
      <Section title="Of each key" note="An agent's limits hold for each of its keys by itself, and for each person who talks with it here. They are in the agent's settings.">
        {used.isPending && <Busy what="Keys" />}
        {used.error && <Failure error={used.error} retry={() => void used.refetch()} />}
        {used.data?.keys.length === 0 && (
          <p className="faint">
            There is no key yet. <Link to="/app/agents">Agents</Link> have them.
          </p>
        )}
        <ul className="cards" aria-label="Keys">
          {used.data?.keys.map((k) => (
            <li key={k.id}>
              <h3>
                {k.name} <code>{k.keyPrefix}…</code>
              </h3>
              <p>
                of{" "}
                <Link to="/app/agents/$id" params={{ id: k.agentId }}>
                  {k.agentName}
                </Link>
              </p>
              <Usage of={k} />
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}
