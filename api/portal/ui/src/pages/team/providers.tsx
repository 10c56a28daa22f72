import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { Busy, Failure, useTitle } from "../../parts/basics";
import { Confirm } from "../../parts/confirm";
import { Area, Section } from "../agents/fields";
import { changes, draftOf } from "../agents/provider";
import { ProviderFields } from "../agents/provider-fields";
import { TeamFailure } from "../../parts/team";
import { OwnersOnly, useOwner } from "../agents/team";
import { agentsQuery } from "../agents/list";
import "../agents/agents.css";

const providersQuery = { queryKey: ["providers"], queryFn: () => data(client.GET("/v1/portal/settings/providers")) };

export function Providers() {
  useTitle("Providers");
  const got = useQuery(providersQuery);
  return (
    <>
      <h1>Providers</h1>
      <p className="faint lead">Who answers for the agents of your team that do not say it themselves. Teams below yours have it too.</p>
      {got.isPending && <Busy what="Providers" />}
      {got.error && <TeamFailure error={got.error} retry={() => void got.refetch()} />}
      {got.data && <Form of={got.data} />}
    </>
  );
}

function Form({ of }: { of: Schemas["ProviderSettings"] }) {
  const [d, setDraft] = useState(() => draftOf(of.providerConfig));
  const [models, setModels] = useState(of.availableModels.join("\n"));
  const [asking, setAsking] = useState(false);
  const owner = useOwner();
  const queries = useQueryClient();
  const provider = changes(of.providerConfig, d);
  const list = models.split("\n").map((m) => m.trim()).filter(Boolean);
  const dirty = provider !== undefined || list.join("\n") !== of.availableModels.join("\n");
  const save = useMutation({
    mutationFn: () => data(client.PUT("/v1/portal/settings/providers", { body: { ...(provider ? { providerConfig: provider } : {}), availableModels: list } })),
    onSuccess: (now) => {
      queries.setQueryData(["providers"], now);
      setAsking(false);
      setDraft(draftOf(now.providerConfig));
      setModels(now.availableModels.join("\n"));
      for (const queryKey of [["resolved"], ["tenant-settings"], ["portal", "me"]]) void queries.invalidateQueries({ queryKey });
    },
  });
  const dropsKey = of.providerConfig?.hasApiKey === true && !d.apiKey && (d.from !== "own" || of.providerConfig.provider !== d.kind || (of.providerConfig.baseUrl ?? "") !== d.baseUrl.trim());
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (dropsKey) setAsking(true);
    else save.mutate();
  };
  return (
    <>
      <form onSubmit={submit} className="agent-form">
        <Section title="The team's provider" note="Its key is kept sealed on the server. Nobody can read it again, also not an owner.">
          <ProviderFields of={of.providerConfig} draft={d} available={of.providers} disabled={!owner} inherits="As the team above has it, or the server" onChange={setDraft} />
        </Section>
        <Section title="Models" note="What clients of the team's agents may ask for, where an agent has no list of its own.">
          <Area label="Models" rows={4} value={models} disabled={!owner} hint="One a line. Empty for any that the provider has" onChange={setModels} />
        </Section>
        {owner ? (
          <div className="save">
            <button disabled={!dirty || save.isPending}>{save.isPending ? "Saving" : "Save"}</button>
            {save.isSuccess && !dirty && <p role="status">Saved.</p>}
          </div>
        ) : (
          <OwnersOnly />
        )}
        {save.error && !asking && <Failure error={save.error} />}
      </form>
      <Try />
      <Operators of={of.providers} />
      <Confirm
        open={asking}
        onOpen={setAsking}
        title="Drop the key that is kept?"
        action="Save without the key"
        busy={save.isPending}
        onConfirm={() => save.mutate()}
        what={
          <>
            <p>A key is for one provider at one address. With this change the one that is kept is deleted, and agents are asked without a key until you give another.</p>
            {save.error && <Failure error={save.error} />}
          </>
        }
      />
    </>
  );
}

// Try leads to where one sees whether a provider answers: a question is the test.
function Try() {
  const agents = useQuery(agentsQuery);
  const first = agents.data?.agents.find((a) => a.providerConfig === null);
  return (
    <Section title="Try it" note="A question shows whether the provider answers, and what it says if it does not.">
      {first ? (
        <Link to="/app/agents/$id" params={{ id: first.id }} search={{ tab: "chat" }} className="button">
          Ask {first.name}
        </Link>
      ) : (
        <p>
          No agent answers by the team's provider. <Link to="/app/agents">Make one</Link>, and ask it something.
        </p>
      )}
    </Section>
  );
}

function Operators({ of }: { of: Schemas["AvailableProvider"][] }) {
  return (
    <Section title="Open to your team" note="Providers of whoever runs the server: with their keys and on their bill, under the limits of your team.">
      {of.length === 0 ? (
        <p className="faint">None. Whoever runs the server can open one to your team.</p>
      ) : (
        <ul className="plain rows">
          {of.map((p) => (
            <li key={p.id}>
              <strong>{p.name}</strong> <span className="type">{p.type}</span> <span className="faint">{p.availableModels.join(", ") || "any of its models"}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
