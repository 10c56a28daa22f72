import { useEffect, useReducer, useRef, useState } from "react";
import { client, data } from "../lib/api";
import type { Answer, Step } from "../lib/ask";
import { Drawing, type Labels, type Node } from "../lib/drawing";
import { Failure } from "./basics";
import "./graph.css";
import { GraphList } from "./graphlist";
import { Paths } from "./graphpaths";

type Props = { answer: Pick<Answer, "labels" | "steps">; loading?: boolean; onOpen: (id: string) => void };

// GraphView draws entities and their relationships. What the mouse does on the
// canvas, the list beside it does by the keyboard: choosing an entity, or two for
// the paths between them, and bringing in neighbours.
export function GraphView({ answer, loading = false, onOpen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const [, changed] = useReducer((n: number) => n + 1, 0);
  const [chosen, setChosen] = useState<string[]>([]);
  const [hidden, setHidden] = useState({ types: new Set<string>(), predicates: new Set<string>() });
  const [note, setNote] = useState("");
  const [error, setError] = useState<Error | null>(null);

  // choose takes one, or with more a second one for the paths between them.
  const choose = (id: string, more: boolean) => setChosen((now) => (now.includes(id) ? now.filter((x) => x !== id) : more ? [...now.slice(-1), id] : [id]));
  const expand = async (id: string) => {
    setError(null);
    try {
      const got = await data(client.GET("/graph/entity/{id}", { params: { path: { id }, query: { limit: 200 } } }));
      const labels: Labels = new Map(got.relationships.map((r) => [r.peer_id, { label: r.peer_label ?? "", type: r.peer_type ?? "" }]));
      const steps = got.relationships.map((r): Step => (r.direction === "incoming" ? { from: r.peer_id, predicate: r.predicate, to: id } : { from: id, predicate: r.predicate, to: r.peer_id }));
      bring(labels, steps, id);
      setNote(got.has_more ? "It has more neighbours than are shown." : "");
    } catch (e) {
      setError(e as Error);
    }
  };
  const bring = (labels: Labels, steps: Step[], near?: string) => {
    const d = drawing.current;
    if (!d) return;
    d.add(labels, steps, near);
    d.settle();
  };

  const acts = useRef({ choose, expand });
  acts.current = { choose, expand };
  useEffect(() => {
    const d = new Drawing(place.current!, { onChange: changed, onChoose: (id, more) => acts.current.choose(id, more), onExpand: (id) => void acts.current.expand(id) });
    drawing.current = d;
    return () => {
      d.kill();
      drawing.current = null;
    };
  }, []);
  useEffect(() => {
    drawing.current?.add(answer.labels, answer.steps);
    if (!loading) drawing.current?.settle();
  }, [answer, loading]);
  useEffect(() => drawing.current?.choose(chosen), [chosen]);
  useEffect(() => drawing.current?.hide(hidden.types, hidden.predicates), [hidden]);

  const d = drawing.current;
  const toggle = (of: "types" | "predicates") => (name: string) => {
    const next = new Set(hidden[of]);
    if (!next.delete(name)) next.add(name);
    setHidden({ ...hidden, [of]: next });
  };
  const nodes = chosen.flatMap((id) => d?.node(id) ?? []);
  return (
    <div className="graph">
      <Filter title="Types" names={d?.types ?? []} off={hidden.types} toggle={toggle("types")} colour={(t) => d?.colourOf(t)} />
      <Filter title="Relations" names={d?.predicates ?? []} off={hidden.predicates} toggle={toggle("predicates")} />
      <p className="faint graph-note" role="status">
        {d?.size.nodes ?? 0} entities, {d?.size.edges ?? 0} relationships. {note} {d?.settling && <span>Arranging them…</span>}
      </p>
      {error && <Failure error={error} />}
      <div className="graph-body">
        <div ref={place} className="graph-canvas" role="img" aria-label="The entities and their relationships; the list beside has the same" />
        <div className="graph-side">
          {nodes.length > 0 && <Chosen nodes={nodes} onOpen={onOpen} expand={(id) => void expand(id)} bring={bring} show={(steps) => drawing.current?.path(steps)} />}
          <GraphList nodes={d?.nodes() ?? []} chosen={chosen} choose={choose} expand={(id) => void expand(id)} />
        </div>
      </div>
    </div>
  );
}

type ChosenProps = { nodes: Node[]; onOpen: (id: string) => void; expand: (id: string) => void; bring: (labels: Labels, steps: Step[]) => void; show: (steps: Step[]) => void };

// Chosen is what can be done with one entity, or with two.
function Chosen({ nodes, onOpen, expand, bring, show }: ChosenProps) {
  return (
    <section className="graph-chosen" aria-label="Chosen">
      {nodes.map((n) => (
        <div key={n.id}>
          <p>
            <span className="type">{n.type}</span> {n.label}
          </p>
          <p className="acts-row">
            <button type="button" onClick={() => onOpen(n.id)} aria-label={`Open ${n.label}`}>
              Open
            </button>
            <button type="button" className="plain" onClick={() => expand(n.id)} aria-label={`Show the neighbours of ${n.label}`}>
              Show its neighbours
            </button>
          </p>
        </div>
      ))}
      {nodes.length === 1 && <p className="faint">For the paths to another, choose that with Shift held, or with “and” in the list.</p>}
      {nodes.length === 2 && <Paths key={nodes.map((n) => n.id).join()} from={nodes[0]!} to={nodes[1]!} bring={bring} show={show} />}
    </section>
  );
}

type FilterProps = { title: string; names: string[]; off: Set<string>; toggle: (name: string) => void; colour?: (name: string) => string | undefined };

function Filter({ title, names, off, toggle, colour }: FilterProps) {
  if (names.length === 0) return null;
  return (
    <div className="graph-types" role="group" aria-label={`${title} that are shown`}>
      <span className="faint">{title}</span>
      {names.map((name) => (
        <label key={name}>
          <input type="checkbox" checked={!off.has(name)} onChange={() => toggle(name)} /> {colour && <span className="swatch" aria-hidden style={{ background: colour(name) }} />} {name || "no type"}
        </label>
      ))}
    </div>
  );
}
