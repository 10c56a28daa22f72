import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { client, data, type Schemas } from "../lib/api";
import { ago, moment } from "../lib/format";
import { called, enterTeam, type Me } from "../lib/portal";
import { session, setSession } from "../lib/session";
import { Busy, Failure, useTitle } from "../parts/basics";
import { Confirm } from "../parts/confirm";
import { WithTeam } from "../parts/team";
import { Invitations } from "./members/invitations";
import { Below } from "./members/below";
import "./members.css";

type Member = Schemas["Member"];

export function MembersPage() {
  useTitle("Members");
  return (
    <>
      <h1>Members</h1>
      <WithTeam>
        {(me) => (
          <>
            <p className="faint">
              Who is in <strong>{me.tenant.name}</strong>. Owners look after the team: its members, providers, limits and audit. Members work with its agents, files and figures.
            </p>
            <People me={me} />
            {me.user.role === "owner" && <Invitations />}
            <Below me={me} />
            <Leave me={me} />
          </>
        )}
      </WithTeam>
    </>
  );
}

const listed = { queryKey: ["members"], queryFn: () => data(client.GET("/v1/portal/members")) };

function People({ me }: { me: Me }) {
  const members = useQuery(listed);
  if (members.isPending) return <Busy what="Its members" />;
  if (members.error) return <Failure error={members.error} retry={() => void members.refetch()} />;
  return (
    <ul className="people" aria-label="Members">
      {members.data.members.map((m) => (
        <Person key={m.id} m={m} you={m.id === me.user.id} owner={me.user.role === "owner"} />
      ))}
    </ul>
  );
}

function Person({ m, you, owner }: { m: Member; you: boolean; owner: boolean }) {
  const queries = useQueryClient();
  const again = () => Promise.all([queries.invalidateQueries({ queryKey: ["members"] }), queries.invalidateQueries({ queryKey: ["me"] })]);
  const role = useMutation({
    mutationFn: (role: "owner" | "member") => data(client.PATCH("/v1/portal/members/{userId}", { params: { path: { userId: m.id } }, body: { role } })),
    onSettled: again,
  });
  const remove = useMutation({ mutationFn: () => data(client.DELETE("/v1/portal/members/{userId}", { params: { path: { userId: m.id } } })), onSuccess: again });
  const shown = role.isPending ? role.variables : m.role; // what was chosen stands until the server has answered
  return (
    <li>
      <div>
        <p>
          <strong>{called(m)}</strong> {you && <span className="badge">you</span>}
        </p>
        <p className="faint">
          {m.email && m.email !== called(m) && `${m.email}, `}
          {m.joinedAt && <time title={moment(m.joinedAt)}>joined {ago(m.joinedAt)}</time>}
        </p>
      </div>
      <div className="acts">
        <span role="status" className="faint">
          {role.isSuccess && "saved"}
        </span>
        {owner ? (
          <select aria-label={`Role of ${called(m)}`} value={shown} onChange={(e) => role.mutate(e.target.value as "owner" | "member")}>
            <option value="owner">owner</option>
            <option value="member">member</option>
          </select>
        ) : (
          <span className="badge">{m.role}</span>
        )}
        {owner && !you && (
          <Confirm
            title={`Remove ${called(m)}?`}
            action="Remove"
            what={<p>They are out of the team at once, whatever they are signed in with. What they alone own in it becomes yours. An invitation lets them in again.</p>}
            onConfirm={() => remove.mutate()}
          >
            <button type="button" className="plain" aria-label={`Remove ${called(m)}`} disabled={remove.isPending}>
              Remove
            </button>
          </Confirm>
        )}
      </div>
      {(role.error ?? remove.error) && <Failure error={role.error ?? remove.error} />}
    </li>
  );
}

// Leave takes one out of the team, and into another if there is one.
function Leave({ me }: { me: Me }) {
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: async () => {
      await data(client.POST("/v1/portal/tenants/{id}/leave", { params: { path: { id: me.tenant.id } } }));
      const other = me.tenants.find((t) => t.id !== me.tenant.id);
      if (session()?.kind === "key") return;
      if (other) await enterTeam(other.id);
      else setSession(null);
    },
    onSuccess: () => void navigate({ to: "/" }),
  });
  const last = me.tenants.length < 2;
  return (
    <section aria-labelledby="leave">
      <h2 id="leave">Leave</h2>
      <p className="faint">What you alone own in the team becomes an owner's who stays. The last owner cannot leave: make another member an owner first.</p>
      <Confirm
        title={`Leave ${me.tenant.name}?`}
        action="Leave"
        what={<p>You see nothing of it from then on, and come back by an invitation alone. {last ? "It is the only team that you are in: you are signed out." : "You go on in another of your teams."}</p>}
        onConfirm={() => leave.mutate()}
      >
        <button type="button" className="quiet" disabled={leave.isPending}>
          Leave {me.tenant.name}
        </button>
      </Confirm>
      {leave.error && <Failure error={leave.error} />}
    </section>
  );
}
