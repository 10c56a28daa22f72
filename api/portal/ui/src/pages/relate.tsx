import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Command } from "cmdk";
import { useDeferredValue, useState, type FormEvent } from "react";
import { client, data, type Entity } from "../lib/api";
import { aroundQuery, entityQuery, type Around } from "../lib/entity";
import { labelOf } from "../lib/format";
import { useOptimistic } from "../lib/optimistic";
import { EntityLink, Failure } from "../parts/basics";
import "./relate.css";

type Related = Around["relationships"][number];
type Peer = { id: string; label: string; type: string };

const idForm = /^[0-9A-HJKMNP-TV-Z]{26}$/;

// Relate relates an entity to another.
export function Relate({ e }: { e: Entity }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [peer, setPeer] = useState<Peer | null>(null);
  const [missing, setMissing] = useState(false);
  const close = () => {
    setOpen(false);
    setPeer(null);
  };
  const add = useMutation({
    mutationFn: ({ predicate, target }: { predicate: string; target: string }) => data(client.POST("/relationships", { body: { source_id: e.id, target_id: target, source_predicate: predicate, expect_source_tip: e.cid } })),
    onSuccess: close,
    onSettled: () => queries.invalidateQueries({ queryKey: ["entity", e.id] }),
  });
  const submit = (ev: FormEvent<HTMLFormElement>) => {
    ev.preventDefault();
    setMissing(!peer);
    if (peer) add.mutate({ predicate: String(new FormData(ev.currentTarget).get("predicate")), target: peer.id });
  };
  if (!open)
    return (
      <p>
        <button type="button" onClick={() => setOpen(true)}>
          Relate it to another
        </button>
      </p>
    );
  return (
    <form onSubmit={submit} aria-label="A new relationship">
      <p className="field">
        <label htmlFor="predicate">What it does or is to the other</label>
        <input id="predicate" name="predicate" required autoFocus maxLength={50} pattern="[a-z][a-z0-9_]*" title="Small letters, digits and _, beginning with a letter: located_in" aria-describedby="predicate-hint" />
        <small id="predicate-hint" className="faint">
          In small letters, like wrote or located_in
        </small>
      </p>
      {peer ? (
        <p>
          <EntityLink {...peer} />{" "}
          <button type="button" className="plain" onClick={() => setPeer(null)}>
            Another one
          </button>
        </p>
      ) : (
        <Finder onFound={(found) => (setMissing(false), setPeer(found))} />
      )}
      {missing && (
        <p className="failure" role="alert">
          Find the other entity first, by what it says or by its identifier.
        </p>
      )}
      {add.error && <Failure error={add.error} />}
      <p>
        <button disabled={add.isPending}>Relate them</button>{" "}
        <button type="button" className="plain" onClick={close}>
          Leave it as it is
        </button>
      </p>
    </form>
  );
}

// Finder finds one entity by the keyboard alone.
function Finder({ onFound }: { onFound: (p: Peer) => void }) {
  const [typed, setTyped] = useState("");
  const asked = useDeferredValue(typed.trim());
  const isID = idForm.test(asked);
  const byID = useQuery({ ...entityQuery(asked), enabled: isID });
  const found = useQuery({
    queryKey: ["find", asked],
    enabled: !isID && asked.length > 1,
    queryFn: ({ signal }) => data(client.POST("/search/discover", { body: { query: asked, limit: 8 }, signal })),
    placeholderData: keepPreviousData,
  });
  const rows: Peer[] = isID ? (byID.data ? [{ id: byID.data.id, type: byID.data.type, label: labelOf(byID.data) }] : []) : asked.length > 1 ? (found.data?.results ?? []) : [];
  return (
    <Command label="The other entity" shouldFilter={false} className="finder">
      <Command.Input value={typed} onValueChange={setTyped} placeholder="Find the other: what it says, or its identifier" />
      <Command.List label="Found entities">
        {rows.map((r) => (
          <Command.Item key={r.id} value={r.id} onSelect={() => onFound({ id: r.id, type: r.type, label: r.label })}>
            <span className="type">{r.type}</span> {r.label || r.id}
          </Command.Item>
        ))}
        {asked.length > 1 && !found.isFetching && !byID.isFetching && rows.length === 0 && <Command.Empty>Nothing is like that. What is in no collection is found by its identifier alone.</Command.Empty>}
      </Command.List>
    </Command>
  );
}

// What says where an entity is and who may do what: other pages change it, by rules.
const ruled = new Set(["collection", "in", "contains", "tenant", "parent", "owner", "public", "root"]);
const rulers = new Set(["collection", "tenant", "group"]);

// useUnrelate takes relationships of an entity away.
export function useUnrelate(e: Entity) {
  return useOptimistic<Around, Related>({
    key: aroundQuery(e).queryKey,
    apply: (shown, gone) => ({ ...shown, relationships: shown.relationships.filter((r) => r !== gone) }),
    run: (gone) => data(client.DELETE("/relationships", { body: { source_id: e.id, target_id: gone.peer_id, source_predicate: gone.predicate, expect_source_tip: e.cid } })),
    stale: ["entity", e.id],
  });
}

// mayUnrelate tells whether a relationship is one that this page changes.
export const mayUnrelate = (e: Entity, r: Related) => r.direction === "outgoing" && !ruled.has(r.predicate) && !rulers.has(e.type);
