import Graph from "graphology";
import { useEffect, useRef, useState } from "react";
import Sigma from "sigma";
import { client, data } from "../lib/api";
import type { Answer } from "../lib/ask";
import type { Drawing } from "../lib/layout.worker";
import { isDark } from "../lib/theme";

const light = ["#1f6f54", "#8a4b08", "#5b3da5", "#0b5d8f", "#8f1d4f", "#556000", "#006d77", "#6a4a3a"];
const dark = ["#6fcfa8", "#f0a860", "#b9a3f5", "#75c0f0", "#f08ab8", "#c6d060", "#63d2de", "#d1ab95"];

type Props = { answer: Answer; onOpen: (id: string) => void };

// GraphView draws entities and their relationships. A click tells what an entity
// is; a double click brings its neighbours in.
export function GraphView({ answer, onOpen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState<{ id: string; label: string; type: string } | null>(null);
  const [types, setTypes] = useState<string[]>([]);
  const [hidden, setHidden] = useState<Set<string>>(new Set());
  const [note, setNote] = useState("");
  const drawn = useRef<{ sigma: Sigma; expand: (id: string) => Promise<void> } | null>(null);
  const hide = useRef(hidden);
  hide.current = hidden;

  useEffect(() => {
    const graph = new Graph({ multi: true });
    const colours = isDark() ? dark : light;
    const known: string[] = [];
    const colour = (type: string) => {
      if (!known.includes(type)) known.push(type);
      return colours[known.indexOf(type) % colours.length];
    };
    const node = (id: string, label: string, type: string, near?: { x: number; y: number }) => {
      if (graph.hasNode(id)) return;
      const angle = graph.order * 2.399963; // the golden angle spreads them evenly
      const radius = Math.sqrt(graph.order + 1);
      graph.addNode(id, { label: label || id, kind: type, size: 5, color: colour(type), x: (near?.x ?? 0) + Math.cos(angle) * radius, y: (near?.y ?? 0) + Math.sin(angle) * radius });
    };
    const edge = (from: string, predicate: string, to: string) => {
      const key = `${from} ${predicate} ${to}`;
      if (graph.hasNode(from) && graph.hasNode(to) && !graph.hasEdge(key)) graph.addEdgeWithKey(key, from, to, { label: predicate, size: 1, type: "arrow" });
    };
    answer.labels.forEach((v, id) => node(id, v.label, v.type));
    answer.steps.forEach((s) => edge(s.from, s.predicate, s.to));

    const ink = getComputedStyle(document.documentElement);
    const sigma = new Sigma(graph, place.current!, {
      labelColor: { color: ink.getPropertyValue("--ink").trim() || "#222" },
      defaultEdgeColor: ink.getPropertyValue("--line-strong").trim() || "#999",
      edgeLabelColor: { color: ink.getPropertyValue("--faint").trim() || "#777" },
      renderEdgeLabels: graph.size < 200,
      hideEdgesOnMove: graph.size > 20_000,
      labelDensity: 0.6,
      zIndex: true,
      nodeReducer: (_, n) => ({ ...n, hidden: hide.current.has(n.kind as string) }),
    });
    const worker = new Worker(new URL("../lib/layout.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = (e: MessageEvent<{ at: Record<string, [number, number]> }>) => {
      graph.updateEachNodeAttributes(
        (id, n) => {
          const place = e.data.at[id];
          return place ? { ...n, x: place[0], y: place[1] } : n;
        },
        { attributes: ["x", "y"] },
      );
    };
    const settle = () => {
      const nodes = graph.mapNodes((id, n) => ({ id, x: n.x as number, y: n.y as number }));
      const edges = graph.mapEdges((_, __, from, to) => [from, to] as [string, string]);
      worker.postMessage({ nodes, edges, until: Math.min(1000 + graph.order, 8000) } satisfies Drawing);
    };
    settle();
    const expand = async (id: string) => {
      const near = graph.hasNode(id) ? { x: graph.getNodeAttribute(id, "x") as number, y: graph.getNodeAttribute(id, "y") as number } : undefined;
      const got = await data(client.GET("/graph/entity/{id}", { params: { path: { id }, query: { limit: 200 } } }));
      for (const r of got.relationships) {
        node(r.peer_id, r.peer_label ?? r.peer_id, r.peer_type ?? "", near);
        if (r.direction === "incoming") edge(r.peer_id, r.predicate, id);
        else edge(id, r.predicate, r.peer_id);
      }
      setTypes([...known]);
      setNote(got.has_more ? "It has more neighbours than are shown" : `${graph.order} entities, ${graph.size} relationships`);
      settle();
    };
    sigma.on("clickNode", ({ node: id }) => {
      const n = graph.getNodeAttributes(id);
      setChosen({ id, label: n.label as string, type: n.kind as string });
    });
    sigma.on("doubleClickNode", ({ node: id, event }) => {
      event.preventSigmaDefault();
      void expand(id);
    });
    setTypes([...known]);
    setNote(`${graph.order} entities, ${graph.size} relationships`);
    drawn.current = { sigma, expand };
    return () => {
      worker.terminate();
      sigma.kill();
    };
  }, [answer]);

  useEffect(() => void drawn.current?.sigma.refresh(), [hidden]);

  return (
    <div className="graph">
      <div className="graph-types" role="group" aria-label="Types that are shown">
        {types.map((t) => (
          <label key={t}>
            <input
              type="checkbox"
              checked={!hidden.has(t)}
              onChange={() => {
                const next = new Set(hidden);
                if (!next.delete(t)) next.add(t);
                setHidden(next);
              }}
            />{" "}
            {t || "no type"}
          </label>
        ))}
        <span className="faint" role="status">
          {note}
        </span>
      </div>
      <div ref={place} className="graph-canvas" aria-label="The graph of the results; the list has the same, for the keyboard" role="img" />
      {chosen && (
        <aside className="graph-chosen" aria-label="Chosen entity">
          <p>
            <span className="type">{chosen.type}</span> {chosen.label}
          </p>
          <button type="button" onClick={() => onOpen(chosen.id)}>
            Open
          </button>{" "}
          <button type="button" className="plain" onClick={() => void drawn.current?.expand(chosen.id)}>
            Show its neighbours
          </button>
        </aside>
      )}
    </div>
  );
}
