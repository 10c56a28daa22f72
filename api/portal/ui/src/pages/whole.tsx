import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { client, data } from "../lib/api";
import type { Step } from "../lib/ask";
import type { Labels } from "../lib/drawing";
import { labelOf } from "../lib/format";
import { Busy, Empty, Failure, useTitle } from "../parts/basics";
import { GraphView } from "../parts/graph";
import { entityQuery } from "../lib/entity";

const most = 20_000; // what a canvas can hold
const pageSize = 100;

type Part = { labels: Labels; steps: Step[]; over: boolean; cut: boolean };

// useWhole is a collection with its relationships, a page after the other. What
// is there so far is told ten pages at a time.
function useWhole(id: string): { part: Part | null; error: Error | null } {
  const [part, setPart] = useState<Part | null>(null);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const labels: Labels = new Map();
    const steps: Step[] = [];
    const read = async () => {
      for (let offset = 0; offset < most; offset += pageSize) {
        const got = await data(client.GET("/collections/{id}/entities", { params: { path: { id }, query: { expand: "full", limit: pageSize, offset } }, signal: stop.signal }));
        for (const e of got.entities) {
          labels.set(e.id, { label: e.label, type: e.type });
          for (const r of e.entity?.relationships ?? []) if (r.peer !== id) steps.push({ from: e.id, predicate: r.predicate, to: r.peer });
        }
        const over = !got.pagination.has_more;
        if (over || (offset / pageSize) % 10 === 9) setPart({ labels, steps, over, cut: false });
        if (over) return;
      }
      setPart({ labels, steps, over: true, cut: true });
    };
    setPart(null);
    setError(null);
    read().catch((e: unknown) => stop.signal.aborted || setError(e as Error));
    return () => stop.abort();
  }, [id]);
  return { part, error };
}

// Whole is a collection as one picture.
export function Whole() {
  const { id } = useParams({ from: "/frame/app/graph/$id" });
  const navigate = useNavigate();
  const of = useQuery(entityQuery(id));
  const { part, error } = useWhole(id);
  const name = of.data ? labelOf(of.data) : "the collection";
  useTitle(of.data ? `${name} as a graph` : "Graph");
  return (
    <>
      <h1>
        <Link to="/app/e/$id" params={{ id }}>
          {name}
        </Link>
        , as a graph
      </h1>
      {error && <Failure error={error} />}
      {!error && !part?.over && <Busy what={part ? `${part.labels.size.toLocaleString()} entities so far` : "Its entities"} />}
      {part?.cut && <p role="status">The newest {most.toLocaleString()} are drawn: more than that a canvas does not show.</p>}
      {part?.over && part.labels.size === 0 && (
        <Empty title="It is empty">
          <p>What is made in this collection appears here, with what it has to do with each other.</p>
        </Empty>
      )}
      {part && part.labels.size > 0 && <GraphView answer={part} loading={!part.over} onOpen={(id) => void navigate({ to: "/app/e/$id", params: { id } })} />}
    </>
  );
}
