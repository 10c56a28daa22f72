import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { Busy, Failure } from "../../parts/basics";
import type { Agent } from "./agent";
import { Choice } from "./fields";
import { resolvedQuery } from "./resolved";
import { Reply } from "./reply";
import { useTalk, type Entry, type Talk } from "./talk";
import { Talks, talksQuery } from "./talks";
import "./chat.css";

type Partition = Schemas["Partition"];

export const partitionsQuery = { queryKey: ["partitions"], queryFn: () => data(client.GET("/v1/portal/partitions")) };

// flat are partitions with those below them.
export function flat(all: Partition[], depth = 0): (Partition & { depth: number })[] {
  return all.flatMap((p) => [{ ...p, depth }, ...flat(p.children, depth + 1)]);
}

export function Playground({ agent }: { agent: Agent }) {
  const { c } = useSearch({ from: "/frame/app/agents/$id" });
  const navigate = useNavigate({ from: "/app/agents/$id" });
  const queries = useQueryClient();
  const [model, setModel] = useState("");
  const [partition, setPartition] = useState("");
  const talk = useTalk(agent, () => {
    void queries.invalidateQueries({ queryKey: ["talks", agent.id] });
    void queries.invalidateQueries({ queryKey: ["partitions"] });
    void queries.invalidateQueries({ queryKey: ["limits"] });
  });
  const open = useConversation(agent, c, talk, setPartition);
  const fresh = () => {
    talk.begin();
    setPartition("");
    void navigate({ search: { tab: "chat" } });
  };
  const again = (text: string) => talk.send(text, { model, partition });
  return (
    <div className={agent.conversations_enabled ? "playground with-talks" : "playground"}>
      {agent.conversations_enabled && <Talks agent={agent} open={c} onNew={fresh} onGone={fresh} />}
      <section className="talk" aria-label={`Conversation with ${agent.name}`}>
        <BuiltIn agent={agent} />
        {open.isFetching && !talk.entries.length && <Busy what="What was said" />}
        {open.error && <Failure error={open.error} retry={() => void open.refetch()} />}
        <Thread agent={agent} talk={talk} onAgain={again} />
        <Composer agent={agent} talk={talk} model={model} partition={partition} onModel={setModel} onPartition={setPartition} onFresh={fresh} />
      </section>
    </div>
  );
}

// useConversation shows the conversation that the address names, and has the
// address name the one that goes on here as soon as the server knows it.
function useConversation(agent: Agent, c: string | undefined, talk: Talk, onPartition: (p: string) => void) {
  const navigate = useNavigate({ from: "/app/agents/$id" });
  const shown = useRef<string | undefined>(undefined);
  const talks = useQuery({ ...talksQuery(agent.id), enabled: agent.conversations_enabled });
  const partitions = useQuery({ ...partitionsQuery, enabled: agent.conversations_enabled });
  const got = useQuery({ queryKey: ["talk", c], enabled: Boolean(c) && shown.current !== c, staleTime: 0, gcTime: 0, queryFn: () => data(client.GET("/v1/portal/conversations/{id}", { params: { path: { id: c! } } })) });
  const { begin, name } = talk;
  useEffect(() => {
    const mine = name && !c ? talks.data?.conversations.find((t) => t.external_id === name) : undefined;
    if (!mine) return;
    shown.current = mine.id;
    void navigate({ search: { tab: "chat", c: mine.id }, replace: true, resetScroll: false });
  }, [name, c, talks.data, navigate]);
  useEffect(() => {
    if (!c) shown.current = undefined;
    if (!c || shown.current === c || !got.data || got.isFetching || got.data.conversation.id !== c || !partitions.data) return;
    shown.current = c;
    const { external_id, messages, partition_id } = got.data.conversation;
    onPartition(flat(partitions.data.partitions).find((p) => p.uuid === partition_id)?.id ?? "");
    begin(
      external_id,
      messages.map((m): Entry => (m.role === "user" ? { who: "user", text: m.content } : { who: "agent", text: m.content, calls: [], state: "done", run: m.run_id })),
    );
  }, [c, got.data, got.isFetching, partitions.data, begin, onPartition]);
  return got;
}

// BuiltIn says of the model that is built in what it is not.
function BuiltIn({ agent }: { agent: Agent }) {
  const got = useQuery(resolvedQuery(agent.id));
  if (got.data?.resolved.answersBy !== "stemma/extract") return null;
  return (
    <p className="note">
      <code>stemma/extract</code> answers here. It is built in and is <strong>not a language model</strong>: it quotes {agent.knowledgeBaseRef ? `what fits from the knowledge base ${agent.knowledgeBaseRef}` : "a knowledge base, and this agent has none"}. To have a model answer, name a provider under{" "}
      <Link to="/app/providers">Providers</Link>, or in the <Link to="/app/agents/$id" params={{ id: agent.id }}>settings</Link> of this agent.
    </p>
  );
}

function Thread({ agent, talk, onAgain }: { agent: Agent; talk: Talk; onAgain: (text: string) => void }) {
  const end = useRef<HTMLDivElement>(null);
  const near = useRef(true); // who has scrolled up reads there
  const length = talk.entries.length;
  const last = talk.entries[length - 1];
  useEffect(() => {
    const look = () => {
      near.current = innerHeight + scrollY > document.documentElement.scrollHeight - 160;
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  useEffect(() => {
    near.current = true; // something was said
  }, [length]);
  useEffect(() => {
    if (near.current && length) end.current?.scrollIntoView({ block: "end" });
  }, [length, last]);
  return (
    <div role="log" aria-label="What was said" aria-busy={talk.busy} aria-live="polite" className="thread">
      {length === 0 && (
        <div className="begin">
          <p>Ask {agent.name} something.</p>
          <p className="faint">You get what its clients get: its prompt, its {agent.conversations_enabled ? "memory, " : ""}knowledge, tools and limits. Each answer is recorded as a run.</p>
        </div>
      )}
      {talk.entries.map((e, i) => {
        const before = talk.entries[i - 1];
        return e.who === "user" ? (
          <article key={i} className="said user" aria-label="You">
            <p>{e.text}</p>
          </article>
        ) : (
          <Reply key={i} agent={agent} of={e} onAgain={i === length - 1 && before?.who === "user" ? () => onAgain(before.text) : undefined} />
        );
      })}
      <div ref={end} className="end" />
    </div>
  );
}

type ComposerProps = { agent: Agent; talk: Talk; model: string; partition: string; onModel: (m: string) => void; onPartition: (p: string) => void; onFresh: () => void };

function Composer({ agent, talk, model, partition, onModel, onPartition, onFresh }: ComposerProps) {
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const resolved = useQuery(resolvedQuery(agent.id));
  const own = resolved.data?.resolved.answersBy;
  const models = resolved.data?.resolved.availableModels.filter((m) => m !== own) ?? [];
  const send = () => {
    if (!text.trim() || talk.busy) return;
    talk.send(text.trim(), { model, partition });
    setText("");
    box.current?.focus();
  };
  return (
    <form
      className="composer"
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      <label htmlFor="say" className="unseen">
        Message to {agent.name}
      </label>
      <textarea
        id="say"
        ref={box}
        rows={Math.min(8, text.split("\n").length + 1)}
        value={text}
        placeholder="Enter sends, Shift Enter begins a line"
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Escape" && talk.busy) talk.stop();
          if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing) return;
          e.preventDefault();
          send();
        }}
      />
      {talk.busy ? (
        <button type="button" className="danger" onClick={talk.stop}>
          Stop
        </button>
      ) : (
        <button disabled={!text.trim()}>Send</button>
      )}
      <div className="acts">
        <button type="button" className="plain" onClick={onFresh}>
          New conversation
        </button>
        {models.length > 0 && <Choice label="Model" value={model} options={[["", own ? `${own}, its own` : "its own"], ...models.map((m) => [m, m] as const)]} onChange={onModel} />}
        {agent.conversations_enabled && <PartitionField value={partition} fixed={talk.entries.length > 0} onChange={onPartition} />}
      </div>
    </form>
  );
}

// PartitionField names a part of what the agent remembers: one person's, say.
function PartitionField({ value, fixed, onChange }: { value: string; fixed: boolean; onChange: (p: string) => void }) {
  const partitions = useQuery(partitionsQuery);
  return (
    <div className="field">
      <label htmlFor="partition">Partition</label>
      <input id="partition" list="partitions" value={value} maxLength={200} disabled={fixed} placeholder="none" title="Keeps what one person says apart from what another does" onChange={(e) => onChange(e.target.value)} />
      <datalist id="partitions">
        {flat(partitions.data?.partitions ?? []).map((p) => (
          <option key={p.uuid} value={p.id}>
            {p.title}
          </option>
        ))}
      </datalist>
    </div>
  );
}
