// Whether whoever is signed in runs the server: by the first user's key, or by a
// token of the server's own log-in, which lasts as long as the browser's tab.
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { client, data } from "./api";
import { onOperator, operatorToken } from "./operatortoken";
import { places, type Place } from "./places";
import { onSession, session } from "./session";

// useOperator is undefined until it is known. It asks once, and only for keys: a
// token of the portal may not.
export function useOperator(): boolean | undefined {
  const who = useSyncExternalStore(onSession, session);
  const token = useSyncExternalStore(onOperator, operatorToken);
  const asked = useQuery({
    queryKey: ["operator", who?.user],
    enabled: who?.kind === "key" && !token,
    staleTime: Infinity,
    queryFn: async () => (await data(client.GET("/entities/{id}/permissions", { params: { path: { id: who!.user } } }))).resolution.method === "system",
  });
  if (token) return true;
  return who?.kind === "key" ? (asked.error ? false : asked.data) : false;
}

// usePlaces are the places that one can go to.
export function usePlaces(): readonly Place[] {
  const operator = useOperator();
  return places.filter((p) => p.needs !== "operator" || operator);
}
