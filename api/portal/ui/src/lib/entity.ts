import { client, data, type Entity, type Schemas } from "./api";

export function entityQuery(id: string) {
  return { queryKey: ["entity", id], queryFn: () => data(client.GET("/entities/{id}", { params: { path: { id } } })) };
}

export function permissionsQuery(id: string) {
  return { queryKey: ["permissions", id], queryFn: () => data(client.GET("/entities/{id}/permissions", { params: { path: { id } } })) };
}

export type Around = Schemas["GraphEntityResponse"];

// aroundQuery is what a version of an entity has to do with others. That of the
// version before stands until it is there.
export function aroundQuery(e: Pick<Entity, "id" | "cid">) {
  return {
    queryKey: ["around", e.id, e.cid],
    queryFn: () => data(client.GET("/graph/entity/{id}", { params: { path: { id: e.id }, query: { limit: 200 } } })),
    placeholderData: (before: Around | undefined, of?: { queryKey: readonly unknown[] }) => (of?.queryKey[1] === e.id ? before : undefined),
  };
}
