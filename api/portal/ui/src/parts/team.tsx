import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import type { FormEvent, ReactNode } from "react";
import { client, data } from "../lib/api";
import { isTeamless, useMe, type Me } from "../lib/portal";
import { Busy, Empty, Failure } from "./basics";

// WithTeam shows what is about the team that one is in, and says what to do to who
// is in none.
export function WithTeam({ children }: { children: (me: Me) => ReactNode }) {
  const me = useMe();
  if (me.isPending) return <Busy what="Your team" />;
  if (me.data === null) return <NoTeam retry={() => void me.refetch()} />;
  if (me.error) return <TeamFailure error={me.error} retry={() => void me.refetch()} />;
  return <>{children(me.data)}</>;
}

// TeamFailure is a failure of what belongs to a team, for who may be in none.
export function TeamFailure({ error, retry }: { error: Error; retry?: () => void }) {
  return isTeamless(error) ? <NoTeam retry={retry} /> : <Failure error={error} retry={retry} />;
}

function NoTeam({ retry }: { retry?: () => void }) {
  const here = useRouterState({ select: (s) => s.location.href });
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: (label: string) => data(client.POST("/tenants", { body: { label } })),
    onSuccess: async () => {
      await queries.invalidateQueries();
      retry?.();
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    make.mutate(String(new FormData(e.currentTarget).get("team")).trim());
  };
  return (
    <Empty title="This belongs to a team, and you are in none">
      <p>
        <Link to="/app/sign-in" search={{ next: here }}>
          Sign in with an account
        </Link>{" "}
        that is in a team, ask for an invitation, or make a team of your own.
      </p>
      <form className="inline" onSubmit={submit}>
        <label htmlFor="team">Name of the team</label>
        <input id="team" name="team" required maxLength={200} />
        <button disabled={make.isPending}>Make the team</button>
      </form>
      {make.error && <Failure error={make.error} />}
    </Empty>
  );
}
