import { useInfiniteQuery, useMutation, useQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { useOptimistic } from "../../lib/optimistic";
import { Busy, Failure } from "../../parts/basics";
import { Confirm } from "../../parts/confirm";
import type { Agent } from "./agent";
import { flat, partitionsQuery } from "./chat";
import { Choice } from "./fields";
import { useOwner } from "./team";

export function talksQuery(agent: string) {
  return { queryKey: ["talks", agent, "newest"], queryFn: () => data(client.GET("/v1/portal/conversations", { params: { query: { agent_id: agent, limit: 50 } } })) };
}

type Pages = InfiniteData<Schemas["Conversations"], string | undefined>;
type Props = { agent: Agent; open?: string; onNew: () => void; onGone: () => void };

// Talks are the conversations that the agent remembers.
export function Talks({ agent, open, onNew, onGone }: Props) {
  const [partition, setPartition] = useState("");
  const [going, setGoing] = useState<string | null>(null);
  const owner = useOwner();
  const partitions = useQuery(partitionsQuery);
  const queryKey = ["talks", agent.id, partition];
  const got = useInfiniteQuery({
    queryKey,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => data(client.GET("/v1/portal/conversations", { params: { query: { agent_id: agent.id, limit: 50, ...(partition ? { partition_id: partition } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const remove = useOptimistic<Pages, string>({
    key: queryKey,
    apply: (shown, id) => ({ ...shown, pages: shown.pages.map((p) => ({ ...p, conversations: p.conversations.filter((t) => t.id !== id) })) }),
    run: (id) => data(client.DELETE("/v1/portal/conversations/{id}", { params: { path: { id } } })),
    stale: ["talks", agent.id],
  });
  const drop = (id: string) => {
    setGoing(null);
    remove.mutate(id, { onSuccess: () => id === open && onGone() });
  };
  const all = flat(partitions.data?.partitions ?? []);
  const rows = got.data?.pages.flatMap((p) => p.conversations) ?? [];
  const title = (uuid: string | null) => all.find((p) => p.uuid === uuid)?.title;
  return (
    <aside className="talks" aria-label="Conversations">
      <details open={matchMedia("(min-width: 52rem)").matches || undefined}>
        <summary>Conversations</summary>
        <button type="button" className="quiet" onClick={onNew}>
          Begin a new one
        </button>
        {all.length > 0 && <Choice label="Of the partition" value={partition} options={[["", "any"], ...all.map((p) => [p.uuid, `${" ".repeat(2 * p.depth)}${p.title}`] as const)]} onChange={setPartition} />}
        {partition && <DropPartition id={partition} empty={got.data !== undefined && rows.length === 0} onGone={() => setPartition("")} />}
        {got.isPending && <Busy what="Conversations" />}
        {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
        {remove.error && <Failure error={remove.error} />}
        {got.data && rows.length === 0 && <p className="faint">{partition ? "None in this partition." : "None yet. What you say here begins one."}</p>}
        <ul className="plain">
          {rows.map((t) => (
            <li key={t.id} aria-current={t.id === open ? "true" : undefined}>
              <Link to="/app/agents/$id" params={{ id: agent.id }} search={{ tab: "chat", c: t.id }} title={moment(t.last_active_at)}>
                {t.begins || "A conversation"}
              </Link>
              <span className="faint">
                {ago(t.last_active_at)}, {t.message_count} {t.message_count === 1 ? "message" : "messages"}
                {title(t.partition_id) && `, ${title(t.partition_id)}`}
              </span>
              {owner && (
                <button type="button" className="plain" aria-label={`Delete the conversation ${t.begins}`} onClick={() => setGoing(t.id)}>
                  Delete
                </button>
              )}
            </li>
          ))}
        </ul>
        {got.hasNextPage && (
          <button type="button" className="quiet" disabled={got.isFetchingNextPage} onClick={() => void got.fetchNextPage()}>
            Older ones
          </button>
        )}
      </details>
      <Confirm
        open={going !== null}
        onOpen={() => setGoing(null)}
        title="Delete this conversation?"
        action="Delete the conversation"
        onConfirm={() => going && drop(going)}
        what={<p>The agent remembers nothing of it from now on. The runs of its answers stay recorded.</p>}
      />
    </aside>
  );
}

// DropPartition deletes a partition. One that holds something says what.
function DropPartition({ id, empty, onGone }: { id: string; empty: boolean; onGone: () => void }) {
  const queries = useQueryClient();
  const drop = useMutation({
    mutationFn: () => data(client.DELETE("/v1/portal/partitions/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      onGone();
      void queries.invalidateQueries({ queryKey: ["partitions"] });
    },
  });
  if (!empty) return null;
  return (
    <>
      <button type="button" className="quiet" disabled={drop.isPending} onClick={() => drop.mutate()}>
        Delete this partition
      </button>
      {drop.error && <Failure error={drop.error} />}
    </>
  );
}
