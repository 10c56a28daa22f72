import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { client, data, Problem } from "../../lib/api";
import { session } from "../../lib/session";
import { Empty, Failure } from "../../parts/basics";

// useMe is who one is in the team that one is signed in to.
export function useMe() {
  return useQuery({ queryKey: ["portal", "me", session()?.tenant?.id], queryFn: () => data(client.GET("/v1/portal/me")), staleTime: 30_000 });
}

// useOwner tells whether one may change what concerns the whole team.
export function useOwner(): boolean {
  return useMe().data?.user.role === "owner";
}

// TeamFailure is an error of the portal; for who is in no team, the way into one.
export function TeamFailure({ error, retry }: { error: Error; retry?: () => void }) {
  if (!(error instanceof Problem) || error.status !== 403) return <Failure error={error} retry={retry} />;
  return (
    <Empty title="This belongs to a team">
      <p>{session()?.kind === "key" ? "The key that you are signed in with belongs to nobody who is in a team." : error.message}</p>
      <p>Sign in with an account that is in one, or make an account: it comes with a team of its own.</p>
      <Link to="/app/sign-in" search={{ next: location.pathname + location.search }} className="button">
        Sign in with an account
      </Link>
    </Empty>
  );
}

// OwnersOnly says why a form cannot be sent.
export function OwnersOnly() {
  return <p className="note">You can look at this. An owner of the team can change it.</p>;
}
