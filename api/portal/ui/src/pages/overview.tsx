import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { Entity } from "../lib/api";
import { aroundQuery } from "../lib/entity";
import { text } from "../lib/format";
import { Busy, Empty, EntityLink, Failure } from "../parts/basics";
import { Download } from "../parts/download";
import { Contents, hasContents } from "./contents";
import { Deleted, graveOf, Remove, useMay } from "./life";
import { mayUnrelate, Relate, useUnrelate } from "./relate";

const Fields = lazy(() => import("./fields").then((m) => ({ default: m.Fields })));
const FilePart = lazy(() => import("./file").then((m) => ({ default: m.FilePart })));

// Overview is what an entity is, holds, and has to do with.
export function Overview({ e }: { e: Entity }) {
  if (graveOf(e))
    return (
      <>
        <Deleted e={e} />
        <Take e={e} />
      </>
    );
  return (
    <>
      {e.type === "file" && (
        <Suspense fallback={<Busy what="Its content" />}>
          <FilePart e={e} />
        </Suspense>
      )}
      {hasContents(e.type) && <Contents e={e} />}
      <div className="two">
        <div>
          <Properties e={e} />
          <Take e={e} />
          <Remove e={e} />
        </div>
        <Relationships e={e} />
      </div>
    </>
  );
}

function Properties({ e }: { e: Entity }) {
  const [editing, setEditing] = useState(false);
  const allowed = useMay(e, "update");
  const properties = Object.entries(e.properties);
  return (
    <section aria-labelledby="properties">
      <h2 id="properties">Properties</h2>
      {editing ? (
        <Suspense fallback={<Busy what="The form" />}>
          <Fields e={e} onClose={() => setEditing(false)} />
        </Suspense>
      ) : (
        <>
          {properties.length === 0 && (
            <Empty title="None">
              <p>{allowed ? "Edit it to say what it is: a label, a year, whatever it has." : "Nobody has said anything about it yet."}</p>
            </Empty>
          )}
          <dl className="properties">
            {properties.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{typeof value === "object" && value !== null ? <pre>{JSON.stringify(value, null, 2)}</pre> : text(value)}</dd>
              </div>
            ))}
          </dl>
          {allowed && (
            <p>
              <button type="button" onClick={() => setEditing(true)}>
                Edit the properties
              </button>
            </p>
          )}
        </>
      )}
    </section>
  );
}

// Take is what can be taken along and checked without this server.
function Take({ e }: { e: Entity }) {
  return (
    <section aria-labelledby="take">
      <h2 id="take">Take it along</h2>
      <p className="faint">
        A CAR file has {e.ver === 1 ? "its one version" : `all its ${e.ver} versions`} as blocks that name themselves by their hash: any tool of IPFS reads it, and nobody can change it unnoticed.
        {e.type === "file" && " The content is not in it; download that above."}
        {hasContents(e.type) && " What is in it has histories of its own, which are not in the file: whoever runs the server takes all of them with stemma export --collection."}
      </p>
      <Download path={`/ipfs/${e.cid}?format=car`} name={`${e.id}-v${e.ver}.car`} label="Download its history (CAR)" />
    </section>
  );
}

function Relationships({ e }: { e: Entity }) {
  const may = useMay(e, "update");
  const around = useQuery(aroundQuery(e));
  const drop = useUnrelate(e);
  // What is in a collection is listed above, by pages.
  const shown = around.data?.relationships.filter((r) => !(e.type === "collection" && r.direction === "incoming" && r.predicate === "collection"));
  return (
    <section aria-labelledby="relationships">
      <h2 id="relationships">Relationships</h2>
      {around.isPending && <Busy what="What it has to do with" />}
      {around.error && <Failure error={around.error} retry={() => void around.refetch()} />}
      {shown?.length === 0 && (
        <Empty title="None">
          <p>{may ? "Say what it has to do with others: queries go along relationships from one entity to the next." : "Nobody has said what it has to do with others."}</p>
        </Empty>
      )}
      <ul className="relations">
        {shown?.map((r, i) => (
          <li key={i}>
            <span className="predicate">{r.direction === "incoming" ? `← ${r.predicate}` : `${r.predicate} →`}</span> <EntityLink id={r.peer_id} label={r.peer_label} type={r.peer_type} />
            {may && mayUnrelate(e, r) && (
              <button type="button" className="plain" disabled={drop.isPending} aria-label={`Take away ${r.predicate} ${r.peer_label || r.peer_id}`} onClick={() => drop.mutate(r)}>
                Take away
              </button>
            )}
          </li>
        ))}
      </ul>
      {drop.error && <Failure error={drop.error} />}
      {around.data?.has_more && <p className="faint">There are more than 200.</p>}
      {may && <Relate e={e} />}
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
  );
}
