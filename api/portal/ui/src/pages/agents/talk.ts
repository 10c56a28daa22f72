// A conversation with an agent, as the page has it.
import { useCallback, useEffect, useRef, useState } from "react";
import { chat, type Answer, type ChatBody } from "../../lib/chat";
import type { Agent } from "./agent";

export type Call = { id: string; name: string; arguments: string; result?: string; failed?: boolean; took?: number };
export type Said = { who: "agent"; text: string; calls: Call[]; state: "waiting" | "coming" | "done" | "stopped" | "failed"; run?: string | null; answer?: Answer; error?: unknown };
export type Entry = { who: "user"; text: string } | Said;
export type How = { model: string; partition: string };

// history is what a client sends that remembers by itself: what was answered.
function history(entries: Entry[]): ChatBody["messages"] {
  const out: ChatBody["messages"] = [];
  entries.forEach((e, i) => {
    const next = entries[i + 1];
    if (e.who === "user" && next?.who === "agent" && next.text) out.push({ role: "user", content: e.text }, { role: "assistant", content: next.text });
  });
  return out;
}

export type Talk = { entries: Entry[]; name?: string; busy: boolean; send: (text: string, how: How) => void; stop: () => void; begin: (name?: string, entries?: Entry[]) => void };

// useTalk sends what is said, takes the answer as it comes, and gives it up when
// the page is left. name is what the agent remembers the conversation by.
export function useTalk(agent: Agent, onAnswer: () => void): Talk {
  const [entries, setEntries] = useState<Entry[]>([]);
  const [name, setName] = useState<string>();
  const [busy, setBusy] = useState(false);
  const under = useRef<AbortController | null>(null);
  useEffect(() => () => under.current?.abort(), []);

  const begin = useCallback((name?: string, entries: Entry[] = []) => {
    under.current?.abort();
    under.current = null;
    setBusy(false);
    setName(name);
    setEntries(entries);
  }, []);

  const take = async (body: ChatBody, mine: AbortController) => {
    const patch = (part: Partial<Said> | ((s: Said) => Partial<Said>)) => {
      if (under.current !== mine) return; // another conversation is shown
      setEntries((all) => {
        const last = all[all.length - 1];
        return last?.who === "agent" ? [...all.slice(0, -1), { ...last, ...(typeof part === "function" ? part(last) : part) }] : all;
      });
    };
    let text = "";
    let drawn = 0; // the frame that will draw it
    const draw = () => {
      drawn = 0;
      patch({ text, state: "coming" });
    };
    try {
      for await (const { event, data } of chat(agent.id, body, mine.signal)) {
        switch (event) {
          case "start":
            patch({ run: data.run_id });
            if (under.current === mine && data.conversation_id) setName(data.conversation_id);
            break;
          case "text":
            text += data.text;
            drawn ||= requestAnimationFrame(draw);
            break;
          case "tool_call":
            patch((s) => ({ state: "coming", calls: [...s.calls, { id: data.id, name: data.name, arguments: data.arguments }] }));
            break;
          case "tool_result":
            patch((s) => ({ calls: s.calls.map((c) => (c.id === data.id && c.result === undefined ? { ...c, result: data.result, failed: data.failed, took: data.duration_ms } : c)) }));
            break;
          case "answer":
            cancelAnimationFrame(drawn);
            patch({ text, state: "done", answer: data, run: data.run_id });
        }
      }
      onAnswer();
    } catch (error) {
      cancelAnimationFrame(drawn);
      patch(mine.signal.aborted ? { text, state: "stopped" } : { text, state: "failed", error });
    }
    if (under.current === mine) {
      under.current = null;
      setBusy(false);
    }
  };

  const send = (text: string, how: How) => {
    const mine = new AbortController();
    under.current?.abort();
    under.current = mine;
    setBusy(true);
    const before = agent.conversations_enabled ? [] : history(entries);
    const last = entries[entries.length - 1];
    const failed = last?.who === "agent" && last.state === "failed" && !last.text; // asked again
    setEntries([...(failed ? entries.slice(0, -2) : entries), { who: "user", text }, { who: "agent", text: "", calls: [], state: "waiting" }]);
    void take(
      {
        messages: [...before, { role: "user", content: text }],
        ...(how.model ? { model: how.model } : {}),
        ...(agent.conversations_enabled && name ? { conversation_id: name } : {}),
        ...(agent.conversations_enabled && how.partition ? { partition_id: how.partition } : {}),
      },
      mine,
    );
  };

  return { entries, name, busy, send, stop: () => under.current?.abort(), begin };
}
