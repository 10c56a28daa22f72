import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { useEffect, useState, useSyncExternalStore, type FormEvent } from "react";
import { client, data } from "../lib/api";
import { acceptInvite, fromPortal, isTeamless } from "../lib/portal";
import { onSession, session, setSession, type Session } from "../lib/session";
import { Busy, Failure, useTitle } from "../parts/basics";
import { Field } from "../parts/field";
import { Invited, useInvite } from "./signin/invited";
import "./signin.css";

type Entered = { session: Session; next?: string };

async function byKey(key: string): Promise<Entered> {
  const me = await data(client.GET("/users/me", { headers: { Authorization: `ApiKey ${key}` } }));
  return { session: { credential: key, kind: "key", user: me.id } };
}

async function byCode(code: string): Promise<Entered> {
  const s = await data(client.POST("/v1/portal/auth/oidc/session", { body: { code } }));
  return { session: { ...fromPortal(s), provided: true }, next: s.next };
}

// told is what the server says behind # when it sends the browser back: a code for
// a session, or what came in between. It is taken out of the address at once.
function told(): { code?: string; problem?: string } {
  const hash = new URLSearchParams(location.hash.slice(1));
  const out = { code: hash.get("oidc") ?? undefined, problem: hash.get("problem") ?? undefined };
  if (out.code || out.problem) history.replaceState(history.state, "", location.pathname + location.search);
  return out;
}

export function SignIn() {
  const search = useSearch({ from: "/app/sign-in" });
  const who = useSyncExternalStore(onSession, session);
  const invite = useInvite(search.invite);
  const provider = useQuery({ queryKey: ["sign-in-provider"], queryFn: () => data(client.GET("/v1/portal/auth/oidc")), staleTime: 60_000 });
  const [{ code, problem }] = useState(told);
  const navigate = useNavigate();
  useTitle("Sign in");
  const enter = useMutation({
    mutationFn: (act: () => Promise<Entered>) => act(),
    onSuccess: ({ session: s, next }) => {
      setSession(s);
      void navigate({ href: next || search.next || "/", replace: true });
    },
  });
  const { mutate } = enter;
  useEffect(() => {
    if (code) mutate(() => byCode(code));
  }, [code, mutate]);
  const name = provider.data?.name ?? "the provider";
  if (code && !enter.error)
    return (
      <main className="alone">
        <h1>Stemma</h1>
        <Busy what={`You are back from ${name}`} />
      </main>
    );
  return (
    <main className="alone">
      <h1>Stemma</h1>
      {problem && !enter.error && <Problem name={problem} provider={name} />}
      {search.invite && <Invited token={search.invite} info={invite} who={who} onJoined={(s) => mutate(() => Promise.resolve({ session: s }))} />}
      {who ? (
        <p>
          You are signed in{who.email && ` as ${who.email}`}. <a href={search.next ?? "/"}>Go on</a>, or sign in as somebody else below.
        </p>
      ) : null}
      <Ways key={invite.data?.isValid ? "invited" : ""} invite={invite.data?.isValid ? search.invite : undefined} next={search.next} provider={provider.data?.enabled ? name : undefined} busy={enter.isPending} onEnter={(act) => mutate(act)} />
      {enter.error && !(search.invite && !invite.data?.isValid && enter.error.message.includes("invitation")) && <Failure error={enter.error} />}
    </main>
  );
}

const problems: Record<string, (provider: string) => string> = {
  expired: () => "That sign-in took too long, was finished already, or was begun in another browser. Begin it again.",
  denied: (p) => `${p} did not sign you in. Try again, or come in another way.`,
  refused: (p) => `What ${p} answered does not prove who you are. Try again; if it stays so, whoever runs this server finds the reason in its log.`,
  unreachable: (p) => `${p} does not answer at the moment. Try again in a while, or come in another way.`,
};

function Problem({ name, provider }: { name: string; provider: string }) {
  return (
    <div className="failure" role="alert">
      <p>
        <strong>You are not signed in</strong>
      </p>
      <p>{(problems[name] ?? problems.expired!)(provider)}</p>
    </div>
  );
}

type WaysProps = { invite?: string; next?: string; provider?: string; busy: boolean; onEnter: (act: () => Promise<Entered>) => void };

// Ways are how one comes in.
function Ways({ invite, next, provider, busy, onEnter }: WaysProps) {
  const submit = (act: (form: Record<string, string>) => Promise<Entered>) => (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = Object.fromEntries([...new FormData(e.currentTarget)].map(([k, v]) => [k, k === "password" ? String(v) : String(v).trim()]));
    onEnter(() => act(form));
  };
  const logIn = async (f: Record<string, string>): Promise<Entered> => {
    const body = { email: f.email!, password: f.password! };
    try {
      const s = fromPortal(await data(client.POST("/v1/portal/auth/login", { body })));
      return { session: invite ? await acceptInvite(invite, s) : s };
    } catch (e) {
      if (!invite || !isTeamless(e)) throw e;
      return { session: fromPortal(await data(client.POST("/v1/portal/auth/signup", { body: { ...body, inviteToken: invite } }))) };
    }
  };
  return (
    <Tabs.Root defaultValue={invite ? "up" : "in"}>
      <Tabs.List aria-label="How to come in" className="tabs">
        <Tabs.Trigger value="in">Sign in</Tabs.Trigger>
        <Tabs.Trigger value="up">Make an account</Tabs.Trigger>
        <Tabs.Trigger value="key">Use a key</Tabs.Trigger>
      </Tabs.List>
      <Tabs.Content value="in">
        {provider && <ByProvider name={provider} next={next} invite={invite} />}
        <form onSubmit={submit(logIn)}>
          <Field name="email" required label="Email" type="email" autoComplete="username" />
          <Field name="password" required label="Password" type="password" autoComplete="current-password" />
          <button disabled={busy}>{invite ? "Sign in and join" : "Sign in"}</button>
        </form>
      </Tabs.Content>
      <Tabs.Content value="up">
        {provider && <ByProvider name={provider} next={next} invite={invite} />}
        <SignUp invite={invite} busy={busy} submit={submit} />
      </Tabs.Content>
      <Tabs.Content value="key">
        <form onSubmit={submit((f) => byKey(f.key ?? ""))}>
          <Field name="key" required label="Key" type="password" autoComplete="off" hint="uk_…: the server printed the first user's when it began" />
          <button disabled={busy}>Sign in</button>
        </form>
      </Tabs.Content>
    </Tabs.Root>
  );
}

function ByProvider({ name, next, invite }: { name: string; next?: string; invite?: string }) {
  const q = new URLSearchParams({ ...(next ? { next } : {}), ...(invite ? { invite } : {}) }).toString();
  return (
    <>
      <a className="button by-provider" href={`/v1/portal/auth/oidc/start${q && `?${q}`}`}>
        Continue with {name}
      </a>
      <p className="or">or</p>
    </>
  );
}

function SignUp({ invite, busy, submit }: { invite?: string; busy: boolean; submit: (act: (form: Record<string, string>) => Promise<Entered>) => (e: FormEvent<HTMLFormElement>) => void }) {
  const open = useQuery({ queryKey: ["signups-enabled"], queryFn: () => data(client.GET("/v1/beta/signups-enabled")), staleTime: 60_000 });
  const closed = open.data?.signupsEnabled === false;
  if (closed && !invite) return <p>This server takes new accounts by invitation alone. Ask somebody who is in a team here for one: it is a link that you open.</p>;
  const signUp = async (f: Record<string, string>): Promise<Entered> => {
    const body = { email: f.email!, password: f.password!, ...(f.tenant ? { tenantName: f.tenant } : {}), ...(invite ? { inviteToken: invite } : {}) };
    return { session: fromPortal(await data(client.POST("/v1/portal/auth/signup", { body }))) };
  };
  return (
    <form onSubmit={submit(signUp)}>
      <Field name="email" required label="Email" type="email" autoComplete="username" />
      <Field name="password" required label="Password" type="password" autoComplete="new-password" hint="At least 8 characters" minLength={8} maxLength={256} />
      {!invite && <Field name="tenant" label="Name of your team" maxLength={180} hint="Agents, keys and figures belong to a team. You can invite others later" />}
      <button disabled={busy}>{invite ? "Make the account and join" : "Make the account"}</button>
    </form>
  );
}
