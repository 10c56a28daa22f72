import { useMutation, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { client, data, Problem, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { acceptInvite } from "../../lib/portal";
import type { Session } from "../../lib/session";
import { Busy, Failure } from "../../parts/basics";

type Info = Schemas["InviteInfo"];

export function useInvite(token: string | undefined) {
  return useQuery({ queryKey: ["invite", token], enabled: !!token, queryFn: () => data(client.GET("/v1/portal/invites/{token}/info", { params: { path: { token: token ?? "" } } })) });
}

// Invited says where an invitation leads. Who is signed in goes there at once.
export function Invited({ token, info, who, onJoined }: { token: string; info: UseQueryResult<Info>; who: Session | null; onJoined: (s: Session) => void }) {
  const join = useMutation({ mutationFn: () => acceptInvite(token), onSuccess: onJoined });
  if (info.isPending) return <Busy what="The invitation" />;
  if (info.error instanceof Problem && info.error.status === 404) return <Void>There is no such invitation: it was revoked, or its link was not copied whole.</Void>;
  if (info.error) return <Failure error={info.error} retry={() => void info.refetch()} />;
  const { tenantName, expiresAt, isValid } = info.data;
  if (!isValid) return <Void>The invitation to {tenantName} {new Date(expiresAt) < new Date() ? <>expired {ago(expiresAt)}</> : "has been used up"}.</Void>;
  return (
    <div className="invited">
      <p>
        You are invited to join <strong>{tenantName}</strong>.
      </p>
      <p className="faint">
        The invitation holds until <time dateTime={expiresAt}>{moment(expiresAt)}</time>.
      </p>
      {who ? (
        <button type="button" disabled={join.isPending} onClick={() => join.mutate()}>
          Join {tenantName}
          {who.email && ` as ${who.email}`}
        </button>
      ) : (
        <p>Make an account to join, or sign in with the one that you have.</p>
      )}
      {join.error && <Failure error={join.error} />}
    </div>
  );
}

function Void({ children }: { children: React.ReactNode }) {
  return (
    <div className="failure" role="alert">
      <p>
        <strong>{children}</strong>
      </p>
      <p>Ask whoever sent it for another. You can come in without it below.</p>
    </div>
  );
}
