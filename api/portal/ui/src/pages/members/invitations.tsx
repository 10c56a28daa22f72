import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Empty, Failure } from "../../parts/basics";
import { Confirm } from "../../parts/confirm";
import { Copy } from "../../parts/copy";
import { Field } from "../../parts/field";

type Invite = Schemas["Invite"];

const listed = { queryKey: ["invites"], queryFn: () => data(client.GET("/v1/portal/invites")) };

// Invitations are links that let people in. An owner makes them, and sends them as
// they like: the server sends no mail.
export function Invitations() {
  const invites = useQuery(listed);
  const all = invites.data?.invites ?? [];
  const [open, over] = [all.filter((i) => i.isActive), all.filter((i) => !i.isActive)];
  return (
    <section aria-labelledby="invitations">
      <h2 id="invitations">Invitations</h2>
      <Make />
      {invites.isPending && <Busy what="Invitations" />}
      {invites.error && <Failure error={invites.error} retry={() => void invites.refetch()} />}
      {invites.data && open.length === 0 && (
        <Empty title="No invitation is open">
          <p>Make one above and send its link to whom you want in the team. Whoever opens it joins as a member.</p>
        </Empty>
      )}
      <ul className="people" aria-label="Open invitations">
        {open.map((i) => (
          <Open key={i.id} i={i} />
        ))}
      </ul>
      {over.length > 0 && (
        <details>
          <summary>{over.length === 1 ? "One that is over" : `${over.length} that are over`}</summary>
          <ul className="people">
            {over.map((i) => (
              <li key={i.id} className="over">
                <p>
                  Made {ago(i.createdAt)}, {uses(i)}
                </p>
                <p>{i.revokedAt ? `revoked ${ago(i.revokedAt)}` : i.maxUses !== null && i.useCount >= i.maxUses ? "used up" : `expired ${ago(i.expiresAt)}`}</p>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

const uses = (i: Invite) => (i.maxUses === null ? `used ${i.useCount === 1 ? "once" : `${i.useCount} times`}` : `used ${i.useCount} of ${i.maxUses} times`);

function Open({ i }: { i: Invite }) {
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => data(client.DELETE("/v1/portal/invites/{id}", { params: { path: { id: i.id } } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["invites"] }),
  });
  return (
    <li>
      <div>
        <p>
          {uses(i)}
          {i.maxUses === null && ", without a bound"}
        </p>
        <p className="faint">
          made {ago(i.createdAt)}, expires <time title={moment(i.expiresAt)}>{ago(i.expiresAt)}</time>
        </p>
      </div>
      <div className="acts">
        <Confirm title="Revoke the invitation?" action="Revoke" what={<p>Its link lets nobody in any more. Who came in by it stays.</p>} onConfirm={() => revoke.mutate()}>
          <button type="button" className="plain" disabled={revoke.isPending}>
            Revoke
          </button>
        </Confirm>
      </div>
      <p className="link">
        <code>{i.inviteUrl}</code> <Copy text={i.inviteUrl} what="the link of the invitation" />
      </p>
      {revoke.error && <Failure error={revoke.error} />}
    </li>
  );
}

const holds: [number, string][] = [
  [24, "a day"],
  [168, "a week"],
  [720, "30 days"],
  [8760, "a year"],
];

function Make() {
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: (f: { maxUses?: number; expiresInHours: number }) => data(client.POST("/v1/portal/invites", { body: f })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["invites"] }),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const f = new FormData(e.currentTarget);
    const most = String(f.get("most"));
    make.mutate({ expiresInHours: Number(f.get("hours")), ...(most ? { maxUses: Number(most) } : {}) });
  };
  return (
    <>
      <form onSubmit={submit}>
        <div className="row">
          <Field name="most" label="People it lets in" type="number" min={1} max={100_000} defaultValue={1} hint="Empty for any number" />
          <p className="field">
            <label htmlFor="hours">It holds for</label>
            <select id="hours" name="hours" defaultValue={168}>
              {holds.map(([hours, text]) => (
                <option key={hours} value={hours}>
                  {text}
                </option>
              ))}
            </select>
          </p>
        </div>
        <button disabled={make.isPending}>Make an invitation</button>
      </form>
      {make.data && (
        <p className="fresh" role="status">
          Send this link: <code>{make.data.inviteUrl}</code> <Copy text={make.data.inviteUrl} what="the new link" />
        </p>
      )}
      {make.error && <Failure error={make.error} />}
    </>
  );
}
