import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { lazy, Suspense, useEffect, useState } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { moment } from "../../lib/format";
import { Busy, EntityLink, Failure, useTitle } from "../../parts/basics";
import { agentTabs, type AgentTab } from "../../routes";
import { entityQuery } from "../../lib/entity";
import { Confirm } from "../../parts/confirm";
import { TeamFailure } from "../../parts/team";
import "./agents.css";

const Settings = lazy(() => import("./form").then((m) => ({ default: m.AgentForm })));
const Chat = lazy(() => import("./chat").then((m) => ({ default: m.Playground })));
const Resolved = lazy(() => import("./resolved").then((m) => ({ default: m.InEffect })));
const Keys = lazy(() => import("./keys").then((m) => ({ default: m.AgentKeys })));
const Calls = lazy(() => import("./calls").then((m) => ({ default: m.Calls })));
const History = lazy(() => import("../history").then((m) => ({ default: m.History })));

const names: Record<AgentTab, string> = { settings: "Settings", chat: "Talk", resolved: "In effect", versions: "Versions", keys: "Keys", runs: "Runs" };

export type Agent = Schemas["Agent"];

export function agentQuery(id: string) {
  return { queryKey: ["agent", id], queryFn: () => data(client.GET("/v1/portal/agents/{id}", { params: { path: { id } } })) };
}

export function AgentPage() {
  const { id } = useParams({ from: "/frame/app/agents/$id" });
  const { tab = "settings" } = useSearch({ from: "/frame/app/agents/$id" });
  const navigate = useNavigate({ from: "/app/agents/$id" });
  const got = useQuery(agentQuery(id));
  useTitle(got.data ? `${got.data.agent.name}: ${names[tab].toLowerCase()}` : "Agent");
  if (got.isPending) return <Busy what="The agent" />;
  if (got.error) return <TeamFailure error={got.error} retry={() => void got.refetch()} />;
  const { agent } = got.data;
  const parts: Record<AgentTab, React.ReactNode> = {
    settings: <Settings agent={agent} />,
    chat: <Chat agent={agent} />,
    resolved: <Resolved agent={agent} />,
    versions: <Versions agent={agent} />,
    keys: <Keys agent={agent} />,
    runs: <Calls agent={agent} />,
  };
  return (
    <>
      <header className="head agent-head">
        <div>
          <p className="faint">
            <Link to="/app/agents">Agents</Link>
          </p>
          <h1>{agent.name}</h1>
          <p className="faint">
            Version {agent.ver}, {moment(agent.updatedAt)}. As an entity: <EntityLink id={agent.id} label="everything about it" />
          </p>
        </div>
        <Remove agent={agent} />
      </header>
      <Tabs.Root value={tab} onValueChange={(t) => void navigate({ search: t === "settings" ? {} : { tab: t as AgentTab } })}>
        <Tabs.List className="tabs" aria-label="Parts of the agent">
          {agentTabs.map((t) => (
            <Tabs.Trigger key={t} value={t}>
              {names[t]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {agentTabs.map((t) => (
          <Tabs.Content key={t} value={t}>
            <Suspense fallback={<Busy what={names[t]} />}>{parts[t]}</Suspense>
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </>
  );
}

// Versions are those of the agent's entity. One that is restored is the agent's
// next version, for the other tabs too.
function Versions({ agent }: { agent: Agent }) {
  const got = useQuery(entityQuery(agent.id));
  const queries = useQueryClient();
  const tip = got.data?.cid;
  useEffect(() => {
    if (!tip || tip === agent.cid) return;
    void queries.invalidateQueries({ queryKey: ["agent", agent.id] });
    void queries.invalidateQueries({ queryKey: ["entity", agent.id] });
  }, [tip, agent, queries]);
  if (got.isPending) return <Busy what="Its versions" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  return <History e={got.data} />;
}

function Remove({ agent }: { agent: Agent }) {
  const [open, setOpen] = useState(false);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => data(client.DELETE("/v1/portal/agents/{id}", { params: { path: { id: agent.id } } })),
    onSuccess: async () => {
      await navigate({ to: "/app/agents" });
      queries.removeQueries({ queryKey: ["agent", agent.id] });
      void queries.invalidateQueries({ queryKey: ["agents"] });
    },
  });
  return (
    <>
      <button type="button" className="quiet" onClick={() => setOpen(true)}>
        Delete
      </button>
      <Confirm
        open={open}
        onOpen={setOpen}
        title={`Delete ${agent.name}?`}
        action="Delete the agent"
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
        what={
          <>
            <p>Its keys stop working at once: whatever uses them gets an error. What it said stays recorded.</p>
            {remove.error && <Failure error={remove.error} />}
          </>
        }
      />
    </>
  );
}
