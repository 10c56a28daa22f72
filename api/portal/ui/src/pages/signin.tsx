import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { useState, type FormEvent } from "react";
import { client, data, problemOf } from "../lib/api";
import { setSession, type Session } from "../lib/session";
import { Failure, useTitle } from "../parts/basics";

type PortalSession = { token: string; user: { id: string; email: string }; tenant: { id: string; name: string } };

async function portal(path: string, body: unknown): Promise<Session> {
  const answer = await fetch(`/v1/portal/auth/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const got: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw problemOf(answer.status, got);
  const s = got as PortalSession;
  return { credential: s.token, kind: "token", user: s.user.id, email: s.user.email, tenant: s.tenant };
}

async function byKey(key: string): Promise<Session> {
  const me = await data(client.GET("/users/me", { headers: { Authorization: `ApiKey ${key}` } }));
  return { credential: key, kind: "key", user: me.id };
}

export function SignIn() {
  const { next, invite } = useSearch({ from: "/app/sign-in" });
  const [tab, setTab] = useState(invite ? "up" : "in");
  const navigate = useNavigate();
  useTitle("Sign in");
  const enter = useMutation({
    mutationFn: (act: () => Promise<Session>) => act(),
    onSuccess: (s) => {
      setSession(s);
      void navigate({ href: next ?? "/", replace: true });
    },
  });
  const submit = (act: (form: Record<string, string>) => Promise<Session>) => (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = Object.fromEntries([...new FormData(e.currentTarget)].map(([k, v]) => [k, String(v).trim()]));
    enter.mutate(() => act(form));
  };
  return (
    <main className="alone">
      <h1>Stemma</h1>
      <Tabs.Root value={tab} onValueChange={setTab}>
        <Tabs.List aria-label="How to come in" className="tabs">
          <Tabs.Trigger value="in">Sign in</Tabs.Trigger>
          <Tabs.Trigger value="up">Make an account</Tabs.Trigger>
          <Tabs.Trigger value="key">Use a key</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="in">
          <form onSubmit={submit((f) => portal("login", { email: f.email, password: f.password }))}>
            <Field name="email" label="Email" type="email" autoComplete="username" />
            <Field name="password" label="Password" type="password" autoComplete="current-password" />
            <button disabled={enter.isPending}>Sign in</button>
          </form>
        </Tabs.Content>
        <Tabs.Content value="up">
          <form
            onSubmit={submit((f) => portal("signup", { email: f.email, password: f.password, ...(f.tenant ? { tenantName: f.tenant } : {}), ...(f.invite ? { inviteToken: f.invite } : {}) }))}
          >
            <Field name="email" label="Email" type="email" autoComplete="username" />
            <Field name="password" label="Password" type="password" autoComplete="new-password" hint="At least 8 characters" minLength={8} />
            {!invite && <Field name="tenant" label="Name of your team" required={false} />}
            <Field name="invite" label="Invitation" required={false} defaultValue={invite} hint="Only if somebody gave you one" />
            <button disabled={enter.isPending}>Make the account</button>
          </form>
        </Tabs.Content>
        <Tabs.Content value="key">
          <form onSubmit={submit((f) => byKey(f.key ?? ""))}>
            <Field name="key" label="Key" type="password" autoComplete="off" hint="uk_…: the server printed the first user's when it began" />
            <button disabled={enter.isPending}>Sign in</button>
          </form>
        </Tabs.Content>
      </Tabs.Root>
      {enter.error && <Failure error={enter.error} />}
    </main>
  );
}

function Field({ name, label, hint, required = true, ...rest }: { name: string; label: string; hint?: string } & React.ComponentProps<"input">) {
  return (
    <p className="field">
      <label htmlFor={name}>{label}</label>
      <input id={name} name={name} required={required} aria-describedby={hint && `${name}-hint`} {...rest} />
      {hint && (
        <small id={`${name}-hint`} className="faint">
          {hint}
        </small>
      )}
    </p>
  );
}
