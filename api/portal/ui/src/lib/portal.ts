// Sessions of the portal, and the team that one is in.
import { useQuery } from "@tanstack/react-query";
import { client, data, Problem, type Schemas } from "./api";
import { authorization, session, setSession, type Session } from "./session";

export type Me = Schemas["Me"];

export function fromPortal(s: Schemas["Session"]): Session {
  return { credential: s.token, kind: "token", user: s.user.id, tenant: s.tenant, ...(s.user.email ? { email: s.user.email } : {}) };
}

// useTeams are those that the caller is in, none for many a key.
export function useTeams() {
  return useQuery({ queryKey: ["teams"], queryFn: async () => (await data(client.GET("/v1/portal/tenants"))).tenants, staleTime: 30_000 });
}

// useMe is the caller in a team, null for who is in none.
export function useMe() {
  return useQuery({
    queryKey: ["me"],
    queryFn: async () => (session()?.tenant || (await data(client.GET("/v1/portal/tenants"))).tenants.length > 0 ? data(client.GET("/v1/portal/me")) : null),
    staleTime: 30_000,
  });
}

// enterTeam goes on in another of one's teams. Who listens to the session drops
// what was loaded in the last one.
export async function enterTeam(tenantId: string) {
  const next = fromPortal(await data(client.POST("/v1/portal/auth/switch-tenant", { body: { tenantId } })));
  setSession({ ...next, ...(session()?.provided ? { provided: true } : {}) });
}

// called is what a member is called: who has given no name has one that tells
// nothing, and an address that does.
export function called(m: Schemas["Member"]): string {
  return (/^User [0-9A-Z]{6}$/.test(m.name) ? m.email || m.name : m.name) || m.email || m.id;
}

// acceptInvite joins where an invitation leads, as who is signed in or is about to be.
export async function acceptInvite(token: string, as?: Session) {
  const headers = as && { Authorization: authorization(as) };
  return fromPortal(await data(client.POST("/v1/portal/invites/{token}/accept", { params: { path: { token } }, headers })));
}

// isTeamless tells the refusal of who is in no team, or no longer in that of the
// token.
export function isTeamless(error: unknown): boolean {
  return error instanceof Problem && error.status === 403 && error.message.includes("in no tenant");
}
