import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, data, type Entity } from "../lib/api";
import { permissionsQuery } from "../lib/entity";
import { labelOf, moment } from "../lib/format";
import { Empty, EntityLink, Failure } from "../parts/basics";
import { Confirm } from "../parts/confirm";

type Grave = { deleted_at?: string; deleted_by?: string; reason?: string };

// graveOf is what the last version of a deleted entity says; undefined of a live one.
export function graveOf(e: Entity): Grave | undefined {
  const stone = e.properties._tombstone;
  return typeof stone === "object" && stone !== null ? stone : undefined;
}

// useMay tells whether the user may do something with an entity; undefined until it is known.
export function useMay(e: Entity, verb: string): boolean | undefined {
  const may = useQuery(permissionsQuery(e.id));
  return may.data?.allowed_actions.some((a) => a === `${e.type}:${verb}` || a === `entity:${verb}`);
}

function useAgain(e: Entity) {
  const queries = useQueryClient();
  return () => Promise.all([queries.invalidateQueries({ queryKey: ["entity", e.id] }), queries.invalidateQueries({ queryKey: ["permissions", e.id] }), queries.invalidateQueries({ queryKey: ["contents"] }), queries.invalidateQueries({ queryKey: ["collections"] })]);
}

// Remove deletes an entity, which can be brought back.
export function Remove({ e }: { e: Entity }) {
  const may = useMay(e, "delete");
  const again = useAgain(e);
  const drop = useMutation({ mutationFn: () => data(client.DELETE("/entities/{id}", { params: { path: { id: e.id } }, body: { expect_tip: e.cid } })), onSuccess: again });
  if (!may) return null;
  const name = labelOf(e);
  const inside = e.type === "collection" ? "What is in it stays, without a place. " : "";
  return (
    <p>
      <Confirm title={`Delete ${name}?`} action="Delete" what={<p>{inside}Its history stays, and it can be brought back.</p>} onConfirm={() => drop.mutate()}>
        <button type="button" className="plain" disabled={drop.isPending}>
          Delete it
        </button>
      </Confirm>
      {drop.error && <Failure error={drop.error} />}
    </p>
  );
}

// Deleted is what there is to see of a deleted entity.
export function Deleted({ e }: { e: Entity }) {
  const grave = graveOf(e);
  const may = useMay(e, "restore");
  const again = useAgain(e);
  const back = useMutation({ mutationFn: () => data(client.POST("/entities/{id}/restore", { params: { path: { id: e.id } }, body: { expect_tip: e.cid } })), onSuccess: again });
  return (
    <Empty title="It was deleted">
      <p>
        {grave?.deleted_at && <time dateTime={grave.deleted_at}>{moment(grave.deleted_at)}</time>}
        {grave?.deleted_by && (
          <>
            {" "}
            by <EntityLink id={grave.deleted_by} />
          </>
        )}
        {grave?.reason && `: ${grave.reason}`}. Every version that it had is in its history.
      </p>
      {may && (
        <button type="button" disabled={back.isPending} onClick={() => back.mutate()}>
          Bring it back
        </button>
      )}
      {back.error && <Failure error={back.error} />}
    </Empty>
  );
}
