import { Link, useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { isTeamless, useMe, type Me } from "../lib/portal";
import { session } from "../lib/session";
import { Busy, Empty, Failure } from "./basics";

// WithTeam shows what is about the team that one is in, and says what to do to who
// is in none.
export function WithTeam({ what, children }: { what: string; children: (me: Me) => ReactNode }) {
  const me = useMe();
  if (me.isPending) return <Busy what="Your team" />;
  if (me.data === null || isTeamless(me.error)) return <Teamless what={what} />;
  if (me.error) return <Failure error={me.error} retry={() => void me.refetch()} />;
  return <>{children(me.data)}</>;
}

function Teamless({ what }: { what: string }) {
  const next = useRouterState({ select: (s) => s.location.href });
  return (
    <Empty title="You are in no team">
      <p>
        {what} belong to a team, and {session()?.kind === "key" ? "the key that you signed in with is of somebody in none" : "you have left yours"}. Ask for an invitation, or make an account: it comes with a team of its own.
      </p>
      <Link to="/app/sign-in" search={{ next }} className="button">
        Sign in with an account
      </Link>
    </Empty>
  );
}
