import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, data } from "../lib/api";
import { ago, moment } from "../lib/format";
import { Busy, Empty, Failure, useTitle } from "../parts/basics";
import { Confirm } from "../parts/confirm";
import { Copy } from "../parts/copy";

type Row = { id: string; shown: string; label: string | null; created: string | null; used: string | null; expires: string | null };

const kinds = {
  yours: {
    title: "Your keys",
    note: "They do what you may do. Programs send one as Authorization: ApiKey uk_…",
    list: async (): Promise<Row[]> =>
      (await data(client.GET("/users/me/keys"))).keys.map((k) => ({ id: k.prefix ?? k.key_prefix, shown: k.key_prefix, label: k.label ?? null, created: k.created_at ?? null, used: k.last_used_at ?? null, expires: k.expires_at ?? null })),
    make: async (label: string) => (await data(client.POST("/users/me/keys", { body: { label } as never }))).key,
    revoke: (id: string) => data(client.DELETE("/users/me/keys/{prefix}", { params: { path: { prefix: id } } })),
  },
  recording: {
    title: "Keys for recording",
    note: "They go into the URL that an agent calls its provider by, or to the recorder's API, and record as you.",
    list: async (): Promise<Row[]> => {
      const got = (await data(client.GET("/api/api-keys"))) as { keys?: unknown[]; api_keys?: unknown[] };
      const keys = (got.keys ?? got.api_keys ?? []) as { id: string; key_prefix: string; name?: string; created_at?: string; last_used_at?: string; expires_at?: string }[];
      return keys.map((k) => ({ id: k.id, shown: k.key_prefix, label: k.name ?? null, created: k.created_at ?? null, used: k.last_used_at ?? null, expires: k.expires_at ?? null }));
    },
    make: async (name: string) => ((await data(client.POST("/api/api-keys", { body: { name } as never }))) as unknown as { key: string }).key,
    revoke: (id: string) => data(client.DELETE("/api/api-keys/{id}", { params: { path: { id } } })),
  },
} as const;

export function Keys() {
  useTitle("Keys");
  return (
    <>
      <h1>Keys</h1>
      <Kind of="yours" />
      <Kind of="recording" />
      <section aria-labelledby="keys-agents">
        <h2 id="keys-agents">Keys of agents</h2>
        <p className="faint">
          Clients of OpenAI's and Anthropic's APIs ask an agent by a key of its own, loom_sk_…, which is made and revoked on <a href="/app/agents">the agent's page</a>.
        </p>
      </section>
    </>
  );
}

function Kind({ of: kind }: { of: keyof typeof kinds }) {
  const { title, note, list, make, revoke } = kinds[kind];
  const queries = useQueryClient();
  const [fresh, setFresh] = useState("");
  const rows = useQuery({ queryKey: ["keys", kind], queryFn: list });
  const again = () => void queries.invalidateQueries({ queryKey: ["keys", kind] });
  const add = useMutation({
    mutationFn: make,
    onSuccess: (key) => {
      setFresh(key);
      again();
    },
  });
  const drop = useMutation<unknown, Error, string>({ mutationFn: revoke, onSuccess: again });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    add.mutate(String(new FormData(form).get("label") ?? ""), { onSuccess: () => form.reset() });
  };
  return (
    <section aria-labelledby={`keys-${kind}`}>
      <h2 id={`keys-${kind}`}>{title}</h2>
      <p className="faint">{note}</p>
      {fresh && (
        <p className="fresh" role="status">
          The new key, shown this once: <code>{fresh}</code>{" "}
          <Copy text={fresh} what="the new key" />
        </p>
      )}
      {rows.isPending && <Busy what={title} />}
      {rows.error && <Failure error={rows.error} retry={() => void rows.refetch()} />}
      {rows.data?.length === 0 && (
        <Empty title="None yet">
          <p>Make one below.</p>
        </Empty>
      )}
      {rows.data && rows.data.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Name</th>
              <th scope="col">Made</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span className="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.data.map((k) => (
              <tr key={k.id}>
                <td>
                  <code>{k.shown}…</code>
                </td>
                <td>{k.label}</td>
                <td>{k.created && <time title={moment(k.created)}>{ago(k.created)}</time>}</td>
                <td>{k.used ? <time title={moment(k.used)}>{ago(k.used)}</time> : "never"}</td>
                <td>
                  <Confirm title={`Revoke ${k.label || k.shown}?`} action="Revoke" what={<p>Whatever uses it stops working at once. A revoked key cannot be brought back.</p>} onConfirm={() => drop.mutate(k.id)}>
                    <button type="button" className="plain" disabled={drop.isPending} aria-label={`Revoke ${k.label || k.shown}`}>
                      Revoke
                    </button>
                  </Confirm>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {drop.error && <Failure error={drop.error} />}
      <form onSubmit={submit} className="inline">
        <label htmlFor={`name-${kind}`}>Name of a new key</label>
        <input id={`name-${kind}`} name="label" required maxLength={100} />
        <button disabled={add.isPending}>Make a key</button>
      </form>
      {add.error && <Failure error={add.error} />}
    </section>
  );
}
