import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, data } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Empty, EntityLink, Failure } from "../../parts/basics";
import { Confirm } from "../../parts/confirm";
import { fieldsOf } from "../../parts/field";

// TenantKeys are the keys that clients of a tenant's agents have.
export function TenantKeys({ id }: { id: string }) {
  const queries = useQueryClient();
  const [fresh, setFresh] = useState("");
  const path = { id };
  const keys = useQuery({ queryKey: ["tenant keys", id], queryFn: () => data(client.GET("/v1/admin/tenants/{id}/api-keys", { params: { path } })) });
  const again = () => {
    void queries.invalidateQueries({ queryKey: ["tenant keys", id] });
    void queries.invalidateQueries({ queryKey: ["tenant", id] });
  };
  const make = useMutation({
    mutationFn: (f: Record<string, string>) => data(client.POST("/v1/admin/tenants/{id}/api-keys", { params: { path }, body: { name: f.name ?? "", ...(f.agent ? { agentId: f.agent } : {}) } })),
    onSuccess: (made) => {
      setFresh(made.key);
      again();
    },
  });
  const revoke = useMutation({
    mutationFn: ({ keyId, permanent }: { keyId: string; permanent: boolean }) => data(client.DELETE("/v1/admin/tenants/{id}/api-keys/{keyId}", { params: { path: { id, keyId }, query: { permanent } } })),
    onSuccess: again,
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    make.mutate(fieldsOf(form), { onSuccess: () => form.reset() });
  };
  const rows = keys.data?.apiKeys ?? [];
  return (
    <section aria-labelledby="tenant-keys">
      <h2 id="tenant-keys">Keys of its agents</h2>
      {fresh && (
        <p className="fresh" role="status">
          The new key, shown this once: <code>{fresh}</code>{" "}
          <button type="button" className="plain" onClick={() => void navigator.clipboard.writeText(fresh)}>
            Copy
          </button>
        </p>
      )}
      {keys.isPending && <Busy what="Its keys" />}
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      {keys.data && rows.length === 0 && (
        <Empty title="None yet">
          <p>With a key of an agent, clients of OpenAI&apos;s and Anthropic&apos;s APIs call it here. The tenant makes its agents, on its own pages.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Keys of its agents">
          <table>
            <thead>
              <tr>
                <th scope="col">Key</th>
                <th scope="col">Name</th>
                <th scope="col">Agent</th>
                <th scope="col">Made</th>
                <th scope="col">State</th>
                <th scope="col">
                  <span className="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((k) => (
                <tr key={k.id}>
                  <td>
                    <code>{k.keyPrefix}…</code>
                  </td>
                  <td>{k.name}</td>
                  <td>
                    <EntityLink id={k.agentId} label={k.agentName} />
                  </td>
                  <td>
                    <time title={moment(k.createdAt)}>{ago(k.createdAt)}</time>
                  </td>
                  <td>{k.status}</td>
                  <td>
                    {k.status === "active" ? (
                      <Confirm title={`Revoke ${k.name}?`} action="Revoke" what={<p>Whatever uses it stops working at once.</p>} onConfirm={() => revoke.mutate({ keyId: k.id, permanent: false })}>
                        <button type="button" className="plain" disabled={revoke.isPending} aria-label={`Revoke ${k.name}`}>
                          Revoke
                        </button>
                      </Confirm>
                    ) : (
                      <button type="button" className="plain" disabled={revoke.isPending} aria-label={`Take ${k.name} off the list`} onClick={() => revoke.mutate({ keyId: k.id, permanent: true })}>
                        Take off the list
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {revoke.error && <Failure error={revoke.error} />}
      <form onSubmit={submit} className="inline">
        <label htmlFor="key-name">Name of a new key</label>
        <input id="key-name" name="name" required maxLength={100} />
        <label htmlFor="key-agent">of the agent</label>
        <input id="key-agent" name="agent" placeholder="the only one" pattern="[0-9A-HJKMNP-TV-Z]{26}" title="The identifier of an agent; left empty, the only one that the tenant has" />
        <button disabled={make.isPending}>Make a key</button>
      </form>
      {make.error && <Failure error={make.error} />}
    </section>
  );
}
