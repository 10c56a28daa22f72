import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { client, data, Problem } from "../lib/api";
import { Empty, Failure } from "./basics";

// TeamFailure is a failure of what belongs to a team, for who may be in none.
export function TeamFailure({ error, retry }: { error: Error; retry: () => void }) {
  if (error instanceof Problem && error.status === 403 && /no tenant/.test(error.message)) return <NoTeam retry={retry} />;
  return <Failure error={error} retry={retry} />;
}

function NoTeam({ retry }: { retry: () => void }) {
  const here = useRouterState({ select: (s) => s.location.href });
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: (label: string) => data(client.POST("/tenants", { body: { label } })),
    onSuccess: async () => {
      await queries.invalidateQueries();
      retry();
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
        that is in a team, or make a team that this key owns.
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
