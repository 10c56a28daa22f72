import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { entityQuery } from "./entity";
import { client, data, Problem, type Entity } from "./api";

export type Properties = Entity["properties"];
export type Edited = { properties: Properties; note: string };

export const print = (p: unknown) => JSON.stringify(p ?? {}, null, 2);

const isObject = (v: unknown) => typeof v === "object" && v !== null && !Array.isArray(v);

// changes are the edits that make one set of properties of another. The server
// merges objects, so that one which has changed is removed before it is set.
export function changes(was: Properties, is: Properties) {
  const set: Properties = {};
  for (const [name, v] of Object.entries(is)) if (!(name in was) || print(v) !== print(was[name])) set[name] = v;
  const removed = Object.keys(was).filter((name) => !(name in is) || (name in set && isObject(was[name]) && isObject(set[name])));
  return { set, removed };
}

// useSave writes an entity's properties, if nobody else wrote meanwhile. Else other
// is what is there now and mine what was to be written, to be brought together.
export function useSave(e: Entity) {
  const queries = useQueryClient();
  const [other, setOther] = useState<Entity | null>(null);
  const [mine, setMine] = useState<Properties>({});
  const again = () => queries.invalidateQueries({ queryKey: ["entity", e.id] });
  const save = useMutation({
    mutationFn: ({ properties, note }: Edited) => {
      const base = other ?? e;
      const { set, removed } = changes(base.properties, properties);
      return data(
        client.PUT("/entities/{id}", {
          params: { path: { id: e.id } },
          body: { expect_tip: base.cid, properties: set, ...(removed.length ? { properties_remove: removed } : {}), ...(note ? { note } : {}) },
        }),
      );
    },
    onSuccess: () => {
      setOther(null);
      return again();
    },
    onError: async (error, { properties }) => {
      if (!(error instanceof Problem) || error.status !== 409) return;
      setMine(properties);
      setOther(await queries.fetchQuery({ ...entityQuery(e.id), queryKey: ["entity", e.id, "now"], staleTime: 0 }));
    },
  });
  const drop = () => void again().then(() => setOther(null));
  return { save, other, mine, drop };
}
