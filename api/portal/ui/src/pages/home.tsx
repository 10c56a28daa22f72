import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { client, data } from "../lib/api";
import { ago, moment, short } from "../lib/format";
import { useFeed, useLabels } from "../lib/feed";
import { session } from "../lib/session";
import { Busy, Empty, EntityLink, Failure, Type, useTitle } from "../parts/basics";
import { Glance } from "./usage/glance";

export function Home() {
  useTitle("");
  return (
    <div className="two">
      <section aria-labelledby="lately">
        <Lately />
      </section>
      <section aria-labelledby="yours">
        <Glance />
        <h2 id="yours">Your collections</h2>
        <Collections />
        <h2>Where to begin</h2>
        <ul className="plain">
          <li>
            <Link to="/app/new/$kind" params={{ kind: "collection" }}>
              Make a collection
            </Link>
          </li>
          <li>
            <Link to="/app/explore" search={{ q: "type:collection" }}>
              Every collection that you may see
            </Link>
          </li>
          <li>
            <Link to="/app/explore">Ask a question of the graph</Link>
          </li>
          <li>
            <a href="/ops-reference">Everything here, as an API</a>
          </li>
        </ul>
      </section>
    </div>
  );
}

function Lately() {
  const { events, error, live } = useFeed();
  const labels = useLabels(events);
  return (
    <>
      <h1 id="lately">
        Lately{" "}
        <span className={live ? "live on" : "live"} role="status">
          {live ? "live" : "connecting"}
        </span>
      </h1>
      {error && <Failure error={error} />}
      {live && events.length === 0 && (
        <Empty title="Nothing has happened yet">
          <p>What anybody writes that you may see appears here at once.</p>
        </Empty>
      )}
      <ol className="feed">
        {events.map((e) => (
          <li key={e.id}>
            <Type name={e.type} /> <EntityLink id={e.entity_id} label={labels.get(e.entity_id) || short(e.entity_id)} />{" "}
            <span>
              {{ create: "was made", update: `has version ${e.ver}`, delete: "was deleted", restore: "came back" }[e.kind as string] ?? `${e.kind} ${e.chain ?? ""}`}
            </span>
            <time dateTime={e.ts} title={moment(e.ts)}>
              {ago(e.ts)}
            </time>
          </li>
        ))}
      </ol>
    </>
  );
}

function Collections() {
  const user = session()?.user ?? "";
  const mine = useQuery({ queryKey: ["collections", user], queryFn: () => data(client.GET("/users/{id}/collections", { params: { path: { id: user } } })) });
  if (mine.isPending) return <Busy what="Your collections" />;
  if (mine.error) return <Failure error={mine.error} retry={() => void mine.refetch()} />;
  if (mine.data.collections.length === 0)
    return (
      <Empty title="None yet">
        <p>
          A collection holds entities and files, and says who may do what with them.
        </p>
        <Link to="/app/new/$kind" params={{ kind: "collection" }} className="button">
          Make a collection
        </Link>
      </Empty>
    );
  return (
    <ul className="plain">
      {mine.data.collections.map((c) => (
        <li key={c.id}>
          <EntityLink id={c.id} label={c.label} /> <span className="faint">{c.predicate}</span>
        </li>
      ))}
    </ul>
  );
}
