import { useDeferredValue, useState } from "react";
import type { Node } from "../lib/drawing";

const most = 100;

type Props = { nodes: Node[]; chosen: string[]; choose: (id: string, more: boolean) => void; expand: (id: string) => void };

// GraphList is what is on the canvas, for the keyboard and for who cannot see it.
export function GraphList({ nodes, chosen, choose, expand }: Props) {
  const [typed, setTyped] = useState("");
  const wanted = useDeferredValue(typed.trim().toLowerCase());
  const found = wanted ? nodes.filter((n) => n.label.toLowerCase().includes(wanted) || n.type === wanted || n.id === typed.trim()) : nodes;
  return (
    <section className="graph-list" aria-label="Entities on the canvas">
      <input type="search" aria-label="Find on the canvas" placeholder="Find on the canvas" value={typed} onChange={(e) => setTyped(e.target.value)} />
      <ul>
        {found.slice(0, most).map((n) => (
          <li key={n.id}>
            <button type="button" className="plain" aria-pressed={chosen.includes(n.id)} onClick={(e) => choose(n.id, e.shiftKey)} onKeyDown={(e) => e.key === "+" && expand(n.id)}>
              <span className="type">{n.type}</span> {n.label}
            </button>
            {chosen.length > 0 && !chosen.includes(n.id) && (
              <button type="button" className="plain" aria-label={`And ${n.label}, for the paths between`} onClick={() => choose(n.id, true)}>
                and
              </button>
            )}
          </li>
        ))}
      </ul>
      <p className="faint" role="status">
        {found.length > most ? `The first ${most} of ${found.length.toLocaleString()}: type to find others.` : `${found.length} here. + brings in the neighbours of the one in focus.`}
      </p>
    </section>
  );
}
