import { client, data } from "./api";

export function entityQuery(id: string) {
  return { queryKey: ["entity", id], queryFn: () => data(client.GET("/entities/{id}", { params: { path: { id } } })) };
}

export function permissionsQuery(id: string) {
  return { queryKey: ["permissions", id], queryFn: () => data(client.GET("/entities/{id}/permissions", { params: { path: { id } } })) };
}
