// Sessions of the portal, and the team that one is in.
import { useQuery } from "@tanstack/react-query";
import { client, data, Problem, type Schemas } from "./api";
import { authorization, setSession, type Session } from "./session";

export type Me = Schemas["Me"];

export function fromPortal(s: Schemas["Session"]): Session {
  return { credential: s.token, kind: "token", user: s.user.id, tenant: s.tenant, ...(s.user.email ? { email: s.user.email } : {}) };
}

// useMe is the caller in a team; it fails for who is in none.
export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => data(client.GET("/v1/portal/me")), staleTime: 30_000 });
}

// enterTeam goes on in another of one's teams. Who listens to the session drops
// what was loaded in the last one.
export async function enterTeam(tenantId: string) {
  setSession(fromPortal(await data(client.POST("/v1/portal/auth/switch-tenant", { body: { tenantId } }))));
}

// acceptInvite joins where an invitation leads, as who is signed in or is about to be.
export async function acceptInvite(token: string, as?: Session) {
  const headers = as && { Authorization: authorization(as) };
  return fromPortal(await data(client.POST("/v1/portal/invites/{token}/accept", { params: { path: { token } }, headers })));
}

// isTeamless tells the refusal of who is signed in and in no team.
export function isTeamless(error: unknown): boolean {
  return error instanceof Problem && error.status === 403 && error.message.includes("in no tenant");
}
