import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import type { Entity } from "../lib/api";
import { entityQuery } from "../lib/entity";
import { labelOf } from "../lib/format";
import { EntityLink } from "./basics";
import "./trail.css";

type Step = { id: string; label: string };

// What an entity is in, what comes first first.
const upward = ["in", "collection", "parent", "tenant"];
const highest = 12;

function above(e: Entity) {
  for (const predicate of upward) {
    const found = e.relationships.find((r) => r.predicate === predicate && r.peer !== e.id);
    if (found) return found;
  }
}

// trail is what an entity is in, and what that is in, up to the top or to what one
// may not see.
async function trail(queries: QueryClient, e: Entity): Promise<Step[]> {
  const steps: Step[] = [];
  const seen = new Set([e.id]);
  for (let at = above(e); at && !seen.has(at.peer) && steps.length < highest; ) {
    seen.add(at.peer);
    const up = await queries.fetchQuery({ ...entityQuery(at.peer), retry: false }).catch(() => null);
    steps.unshift({ id: at.peer, label: up ? labelOf(up) : (at.peer_label ?? at.peer) });
    at = up ? above(up) : undefined;
  }
  return steps;
}

// Trail shows where an entity is.
export function Trail({ e }: { e: Entity }) {
  const queries = useQueryClient();
  const got = useQuery({ queryKey: ["trail", e.id, e.cid], queryFn: () => trail(queries, e) });
  if (!got.data?.length) return null;
  return (
    <nav aria-label="Where it is">
      <ol className="trail">
        {got.data.map((s) => (
          <li key={s.id}>
            <EntityLink id={s.id} label={s.label} />
          </li>
        ))}
        <li aria-current="page">{labelOf(e)}</li>
      </ol>
    </nav>
  );
}
