import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { lazy, Suspense } from "react";
import { client, data, type Entity } from "../lib/api";
import { labelOf, moment, text } from "../lib/format";
import { Busy, Empty, EntityLink, Failure, Type, useTitle } from "../parts/basics";
import { tabs, type Tab } from "../routes";

const History = lazy(() => import("./history").then((m) => ({ default: m.History })));
const Edit = lazy(() => import("./edit").then((m) => ({ default: m.Edit })));

const names: Record<Tab, string> = { overview: "Overview", history: "History", json: "JSON", permissions: "Permissions", proof: "Proof" };

export function entityQuery(id: string) {
  return { queryKey: ["entity", id], queryFn: () => data(client.GET("/entities/{id}", { params: { path: { id } } })) };
}

export function EntityPage() {
  const { id } = useParams({ from: "/frame/app/e/$id" });
  const { tab = "overview" } = useSearch({ from: "/frame/app/e/$id" });
  const navigate = useNavigate({ from: "/app/e/$id" });
  const got = useQuery(entityQuery(id));
  useTitle(got.data ? labelOf(got.data) : id);
  if (got.isPending) return <Busy what="The entity" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const e = got.data;
  return (
    <>
      <header className="head">
        <p>
          <Type name={e.type} /> <code>{e.id}</code>
        </p>
        <h1>{labelOf(e)}</h1>
        <p className="faint">
          Version {e.ver}, <time dateTime={new Date(e.ts).toISOString()}>{moment(e.ts)}</time>
          {e.edited_by?.user_id && (
            <>
              , by <EntityLink id={e.edited_by.user_id} label={e.edited_by.user_label} />
            </>
          )}
        </p>
      </header>
      <Tabs.Root value={tab} onValueChange={(t) => void navigate({ search: t === "overview" ? {} : { tab: t as Tab } })}>
        <Tabs.List className="tabs" aria-label="Parts of the entity">
          {tabs.map((t) => (
            <Tabs.Trigger key={t} value={t}>
              {names[t]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="overview">
          <Overview e={e} />
        </Tabs.Content>
        <Tabs.Content value="history">
          <Suspense fallback={<Busy what="Its history" />}>
            <History e={e} />
          </Suspense>
        </Tabs.Content>
        <Tabs.Content value="json">
          <Suspense fallback={<Busy what="The editor" />}>
            <Edit key={e.cid} e={e} />
          </Suspense>
        </Tabs.Content>
        <Tabs.Content value="permissions">
          <Permissions id={e.id} />
        </Tabs.Content>
        <Tabs.Content value="proof">
          <Proof e={e} />
        </Tabs.Content>
      </Tabs.Root>
    </>
  );
}

function Overview({ e }: { e: Entity }) {
  const around = useQuery({ queryKey: ["around", e.id, e.cid], queryFn: () => data(client.GET("/graph/entity/{id}", { params: { path: { id: e.id }, query: { limit: 200 } } })) });
  const properties = Object.entries(e.properties ?? {});
  return (
    <div className="two">
      <section>
        <h2>Properties</h2>
        {properties.length === 0 && (
          <Empty title="None">
            <p>The JSON tab adds some.</p>
          </Empty>
        )}
        <dl className="properties">
          {properties.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{typeof value === "object" ? <pre>{JSON.stringify(value, null, 2)}</pre> : text(value)}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section>
        <h2>Relationships</h2>
        {around.isPending && <Busy what="What it has to do with" />}
        {around.error && <Failure error={around.error} retry={() => void around.refetch()} />}
        {around.data?.relationships.length === 0 && (
          <Empty title="None">
            <p>
              <code>POST /relationships</code> relates it to others.
            </p>
          </Empty>
        )}
        <ul className="relations">
          {around.data?.relationships.map((r, i) => (
            <li key={i}>
              <span className="predicate">{r.direction === "incoming" ? `← ${r.predicate}` : `${r.predicate} →`}</span> <EntityLink id={r.peer_id} label={r.peer_label} type={r.peer_type} />
            </li>
          ))}
        </ul>
        {around.data?.has_more && <p className="faint">There are more than 200.</p>}
        <p>
          <Link to="/app/explore" search={{ q: `@${e.id} <-[*]{1,2}->`, view: "graph" }}>
            See it in the graph
          </Link>
          {e.type === "collection" && (
            <>
              , or{" "}
              <Link to="/app/graph/$id" params={{ id: e.id }}>
                all that is in it
              </Link>
            </>
          )}
        </p>
      </section>
    </div>
  );
}

function Permissions({ id }: { id: string }) {
  const got = useQuery({ queryKey: ["permissions", id], queryFn: () => data(client.GET("/entities/{id}/permissions", { params: { path: { id } } })) });
  if (got.isPending) return <Busy what="What you may do" />;
  if (got.error) return <Failure error={got.error} />;
  const by = got.data.resolution;
  return (
    <>
      <h2>What you may do</h2>
      {got.data.allowed_actions.length === 0 ? (
        <Empty title="Nothing but this">
          <p>Somebody who manages its collection can give you a role.</p>
        </Empty>
      ) : (
        <ul className="chips">
          {got.data.allowed_actions.map((a) => (
            <li key={a}>{a}</li>
          ))}
        </ul>
      )}
      {by && (
        <p>
          Because of {by.method.replaceAll("_", " ")}
          {by.role && (
            <>
              {" "}
              as <strong>{by.role}</strong>
            </>
          )}
          {by.collection_id && (
            <>
              {" "}
              in <EntityLink id={by.collection_id} />
            </>
          )}
          .
        </p>
      )}
    </>
  );
}

function Proof({ e }: { e: Entity }) {
  const got = useQuery({ queryKey: ["proof", e.id, e.cid], queryFn: () => data(client.GET("/entities/{id}/attestation", { params: { path: { id: e.id } } })) });
  if (got.isPending) return <Busy what="Its proof" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const p = got.data as Record<string, unknown>;
  const done = typeof p.tree_size === "number";
  return (
    <>
      <h2>{done ? `Version ${e.ver} is in the log of attestations` : "It will be in the log in a moment"}</h2>
      {!done && (
        <button type="button" onClick={() => void got.refetch()}>
          Look again
        </button>
      )}
      {done && (
        <>
          <dl className="properties">
            {["leaf_index", "tree_size", "root", "verifier_key", "arweave_tx"].map((name) => (
              <div key={name}>
                <dt>{name.replaceAll("_", " ")}</dt>
                <dd>
                  <code>{p[name] === null || p[name] === undefined ? "not anchored" : text(p[name])}</code>
                </dd>
              </div>
            ))}
          </dl>
          <p>
            Save what the server says and check it without the server: <code>stemma verify --offline bundle.json</code>
          </p>
          <a className="button" href={`data:application/json,${encodeURIComponent(JSON.stringify(p, null, 2))}`} download={`${e.id}-v${e.ver}-proof.json`}>
            Download the proof
          </a>
        </>
      )}
    </>
  );
}
