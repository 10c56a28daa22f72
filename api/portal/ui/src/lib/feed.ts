import { useEffect, useState } from "react";
import { client, data, type Schemas } from "./api";
import { labelOf } from "./format";
import { session } from "./session";

export type Event = Schemas["EventBody"];
const kept = 100;

type Page = Schemas["EventsResponse"];

// page is a part of the feed; of the two forms that it has, the one in JSON.
async function page(query: { limit: number; since?: number; wait?: number }, signal: AbortSignal): Promise<Page> {
  return (await data(client.GET("/events", { params: { query }, headers: { Accept: "application/json" }, signal }))) as Page;
}

// useLabels is what the entities of events are called, as far as it is known.
export function useLabels(events: Event[]): Map<string, string> {
  const [labels, setLabels] = useState(new Map<string, string>());
  useEffect(() => {
    const missing = [...new Set(events.filter((e) => e.kind !== "delete").map((e) => e.entity_id))].filter((id) => !labels.has(id));
    if (missing.length === 0) return;
    let gone = false;
    void data(client.POST("/entities/batch-get", { body: { ids: missing.slice(0, 100) } }))
      .then((got) => {
        if (gone) return;
        const next = new Map(labels);
        missing.forEach((id) => next.set(id, ""));
        got.entities.forEach((e) => next.set(e.id, labelOf(e)));
        setLabels(next);
      })
      .catch(() => undefined); // identifiers are shown then
    return () => {
      gone = true;
    };
  }, [events, labels]);
  return labels;
}

// useFeed is what happened lately, newest first, followed for as long as it is
// shown. The feed is asked to wait for what comes next.
export function useFeed(): { events: Event[]; error: Error | null; live: boolean } {
  const [events, setEvents] = useState<Event[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const [live, setLive] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const follow = async () => {
      const first = await page({ limit: 30 }, stop.signal);
      setEvents(first.events);
      let cursor = first.latest;
      for (;;) {
        setLive(true);
        setError(null);
        const next = await page({ since: cursor, wait: 25, limit: kept }, stop.signal);
        cursor = next.cursor;
        if (next.events.length) {
          const news = [...next.events].sort((a, b) => b.id - a.id);
          setEvents((before) => [...news, ...before].slice(0, kept));
        }
      }
    };
    const keep = async () => {
      for (let pause = 1; !stop.signal.aborted && session(); pause = Math.min(pause * 2, 30)) {
        try {
          await follow();
        } catch (e) {
          if (stop.signal.aborted) return;
          setLive(false);
          setError(e as Error);
          await new Promise((go) => setTimeout(go, pause * 1000));
        }
      }
    };
    void keep();
    return () => stop.abort();
  }, []);
  return { events, error, live };
}
