import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent } from "react";
import { client, data } from "../../lib/api";
import { enterTeam, type Me } from "../../lib/portal";
import { session } from "../../lib/session";
import { Empty, EntityLink, Failure } from "../../parts/basics";
import { Field } from "../../parts/field";

// Below are the teams below this one, which inherit what it has set.
export function Below({ me }: { me: Me }) {
  const owner = me.user.role === "owner";
  const navigate = useNavigate();
  const enter = useMutation({ mutationFn: enterTeam, onSuccess: () => void navigate({ to: "/app/members" }) });
  const mine = (id: string) => session()?.kind === "token" && me.tenants.some((t) => t.id === id);
  return (
    <section aria-labelledby="below">
      <h2 id="below">Teams below</h2>
      <p className="faint">A team below has people and agents of its own, and inherits provider, system prompt, skills and tool servers. Usage adds up here.</p>
      {me.subtenants.length === 0 && (
        <Empty title="None yet">
          <p>{owner ? "Make one for a department or a client that should not see the rest." : "An owner of this team can make one."}</p>
        </Empty>
      )}
      <ul className="people" aria-label="Teams below">
        {me.subtenants.map((t) => (
          <li key={t.id}>
            <p>
              <EntityLink id={t.id} label={t.name} /> {t.status !== "active" && <span className="badge bad">{t.status}</span>}
            </p>
            {mine(t.id) && (
              <p className="acts">
                <button type="button" className="quiet" disabled={enter.isPending} onClick={() => enter.mutate(t.id)}>
                  Work in {t.name}
                </button>
              </p>
            )}
          </li>
        ))}
      </ul>
      {enter.error && <Failure error={enter.error} />}
      {owner && <Make />}
    </section>
  );
}

function Make() {
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: (name: string) => data(client.POST("/v1/portal/subtenants", { body: { name } })),
    onSuccess: () => Promise.all([queries.invalidateQueries({ queryKey: ["me"] }), queries.invalidateQueries({ queryKey: ["teams"] })]),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    make.mutate(String(new FormData(form).get("name")).trim(), { onSuccess: () => form.reset() });
  };
  return (
    <form onSubmit={submit}>
      <div className="row">
        <Field name="name" required label="Name of a new team below" maxLength={180} />
      </div>
      <button disabled={make.isPending}>Make the team</button>
      {make.error && <Failure error={make.error} />}
    </form>
  );
}
