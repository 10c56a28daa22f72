import { useMutation } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { client, data } from "../lib/api";
import { useOperator } from "../lib/operator";
import { setOperatorToken } from "../lib/operatortoken";
import { server } from "../lib/places";
import { Busy, Failure, useTitle } from "../parts/basics";
import { Field, fieldsOf } from "../parts/field";
import "./server.css";

// Server is around the pages of whoever runs the server, and lets nobody else in.
export function Server() {
  const operator = useOperator();
  if (operator === undefined) return <Busy what="Whether you run this server" />;
  if (!operator) return <LogIn />;
  return (
    <>
      <nav className="subnav" aria-label="Server">
        {server.map((p) => (
          <Link key={p.to} to={p.to} activeOptions={{ exact: p.to === "/app/server" }}>
            {p.name}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  );
}

// LogIn asks for the log-in of the server, which is another than that of a team.
function LogIn() {
  useTitle("Server");
  const [fresh, setFresh] = useState("");
  const enter = useMutation({
    mutationFn: (body: { username: string; password: string }) => data(client.POST("/v1/admin/auth/login", { body })),
    onSuccess: (got) => (got.mustChangePassword ? setFresh(got.token) : setOperatorToken(got.token)),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const { username = "", password = "" } = fieldsOf(e.currentTarget);
    enter.mutate({ username, password });
  };
  if (fresh) return <FirstPassword token={fresh} />;
  return (
    <div className="narrow">
      <h1>For whoever runs this server</h1>
      <p>These pages look after all tenants and the providers of models that they use. You are signed in as somebody else; sign in here as well, and the pages open for as long as this tab is open, at most eight hours.</p>
      <form onSubmit={submit}>
        <Field name="username" label="Email" hint="Or admin, for the first user" required autoComplete="username" />
        <Field name="password" label="Password" type="password" hint="Or the first user's key, uk_…" required autoComplete="current-password" />
        {enter.error && <Failure error={enter.error} />}
        <button disabled={enter.isPending}>Sign in as who runs the server</button>
      </form>
    </div>
  );
}

// FirstPassword is for a server that has none yet, which came in by its key.
function FirstPassword({ token }: { token: string }) {
  const set = useMutation({
    mutationFn: (body: { username: string; newPassword: string }) => data(client.POST("/v1/admin/auth/change-password", { body, headers: { Authorization: `Bearer ${token}` } })),
    onSuccess: (got) => setOperatorToken(got.token),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const { username = "", newPassword = "" } = fieldsOf(e.currentTarget);
    set.mutate({ username, newPassword });
  };
  return (
    <div className="narrow">
      <h1>Set a password</h1>
      <p>You came in with the key. With a password the key can stay locked away.</p>
      <form onSubmit={submit}>
        <Field name="username" label="Email to sign in with" type="email" required autoComplete="username" />
        <Field name="newPassword" label="Password" type="password" hint="At least 8 characters" minLength={8} required autoComplete="new-password" />
        {set.error && <Failure error={set.error} />}
        <button disabled={set.isPending}>Set it</button>{" "}
        <button type="button" className="plain" onClick={() => setOperatorToken(token)}>
          Not now
        </button>
      </form>
    </div>
  );
}
