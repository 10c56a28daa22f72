import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent } from "react";
import { client, data } from "../lib/api";
import { moment } from "../lib/format";
import { enterTeam, fromPortal, useTeams } from "../lib/portal";
import { session, setSession } from "../lib/session";
import { Busy, Empty, EntityLink, Failure, useTitle } from "../parts/basics";
import { Confirm } from "../parts/confirm";
import { Field } from "../parts/field";
import "./members.css";

export function AccountPage() {
  useTitle("Your account");
  return (
    <>
      <h1>Your account</h1>
      <div className="two">
        <div>
          <Who />
          <YourTeams />
        </div>
        <div>
          {session()?.email && !session()?.provided && <Password />}
          <Out />
        </div>
      </div>
    </>
  );
}

// Who is what others see of the user, and what only they know.
function Who() {
  const queries = useQueryClient();
  const me = useQuery({ queryKey: ["user"], queryFn: () => data(client.GET("/users/me")) });
  const rename = useMutation({
    mutationFn: async (label: string) => {
      const tip = await data(client.GET("/entities/{id}/tip", { params: { path: { id: me.data!.id } } }));
      return data(client.PUT("/users/{id}", { params: { path: { id: me.data!.id } }, body: { expect_tip: tip.cid, label } }));
    },
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["user"] }),
  });
  if (me.isPending) return <Busy what="Your account" />;
  if (me.error) return <Failure error={me.error} retry={() => void me.refetch()} />;
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    rename.mutate(String(new FormData(e.currentTarget).get("label")).trim());
  };
  const s = session();
  return (
    <section aria-labelledby="who">
      <h2 id="who">Who you are</h2>
      <form onSubmit={submit}>
        <Field name="label" required label="Name" key={String(me.data.properties.label)} defaultValue={String(me.data.properties.label ?? "")} maxLength={500} hint="As people in your teams see you" />
        <button disabled={rename.isPending}>Save the name</button> <span role="status">{rename.isSuccess && "Saved"}</span>
      </form>
      {rename.error && <Failure error={rename.error} />}
      <dl className="facts">
        <div>
          <dt>Email</dt>
          <dd>{s?.email ?? "none that is known"}</dd>
        </div>
        <div>
          <dt>Signed in with</dt>
          <dd>{s?.kind === "key" ? "a key" : s?.provided ? "the provider, for a day" : "a password, for a day"}</dd>
        </div>
        <div>
          <dt>Identifier</dt>
          <dd>
            <EntityLink id={me.data.id} />
          </dd>
        </div>
      </dl>
    </section>
  );
}

function YourTeams() {
  const navigate = useNavigate();
  const token = session()?.kind === "token";
  const teams = useTeams();
  const enter = useMutation({ mutationFn: enterTeam, onSuccess: () => void navigate({ to: "/" }) });
  return (
    <section aria-labelledby="teams">
      <h2 id="teams">Your teams</h2>
      {!token && (
        <Empty title="You came in by a key">
          <p>A key does what its user may do, in every team. To work in one team and look after it, sign in with an account.</p>
          <Link to="/app/sign-in">Sign in with an account</Link>
        </Empty>
      )}
      {token && teams.isPending && <Busy what="Your teams" />}
      {teams.error && <Failure error={teams.error} retry={() => void teams.refetch()} />}
      <ul className="people">
        {(token ? (teams.data ?? []) : []).map((t) => (
          <li key={t.id}>
            <p>
              <strong>{t.name}</strong> <span className="badge">{t.role}</span>
            </p>
            {t.joinedAt && <p className="faint">since {moment(t.joinedAt)}</p>}
            <p className="acts">
              {t.id === session()?.tenant?.id ? (
                <Link to="/app/members">Its members</Link>
              ) : (
                <button type="button" className="quiet" disabled={enter.isPending} onClick={() => enter.mutate(t.id)}>
                  Work in {t.name}
                </button>
              )}
            </p>
          </li>
        ))}
      </ul>
      {enter.error && <Failure error={enter.error} />}
    </section>
  );
}

// Password asks for the one there is. Every session ends with it; this one begins
// anew.
function Password() {
  const change = useMutation({
    mutationFn: async (f: { old: string; fresh: string }) => {
      const now = session()!;
      await data(client.POST("/auth/password", { body: { old_password: f.old, new_password: f.fresh } }));
      if (now.kind === "key") return;
      let next = fromPortal(await data(client.POST("/v1/portal/auth/login", { body: { email: now.email!, password: f.fresh } })));
      if (next.tenant?.id !== now.tenant?.id) {
        const headers = { Authorization: `Bearer ${next.credential}` };
        next = fromPortal(await data(client.POST("/v1/portal/auth/switch-tenant", { body: { tenantId: now.tenant!.id }, headers })));
      }
      setSession(next);
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    const f = new FormData(form);
    change.mutate({ old: String(f.get("old")), fresh: String(f.get("fresh")) }, { onSuccess: () => form.reset() });
  };
  return (
    <section aria-labelledby="password">
      <h2 id="password">Password</h2>
      <form onSubmit={submit}>
        <input type="text" name="username" autoComplete="username" value={session()?.email ?? ""} readOnly hidden />
        <Field name="old" required label="The password now" type="password" autoComplete="current-password" />
        <Field name="fresh" required label="Another" type="password" autoComplete="new-password" minLength={8} maxLength={256} hint="At least 8 characters. You stay signed in here, and are signed out everywhere else" />
        <button disabled={change.isPending}>Change the password</button> <span role="status">{change.isSuccess && "It is changed"}</span>
      </form>
      {change.error && <Failure error={change.error} />}
    </section>
  );
}

function Out() {
  const out = useMutation({ mutationFn: () => data(client.POST("/auth/logout")), onSuccess: () => setSession(null) });
  const key = session()?.kind === "key";
  return (
    <section aria-labelledby="out">
      <h2 id="out">Sign out</h2>
      <p className="acts">
        <button type="button" className="quiet" onClick={() => setSession(null)}>
          Sign out here
        </button>{" "}
        {!key && (
          <Confirm title="Sign out everywhere?" action="Sign out everywhere" what={<p>Every browser and program that you are signed in with has to sign in again, this one too. Keys go on to work.</p>} onConfirm={() => out.mutate()}>
            <button type="button" className="quiet" disabled={out.isPending}>
              Sign out everywhere
            </button>
          </Confirm>
        )}
      </p>
      {out.error && <Failure error={out.error} />}
    </section>
  );
}
