// The layout of a graph, beside the page: nodes that repel and edges that pull.
import Graph from "graphology";
import forceAtlas2 from "graphology-layout-forceatlas2";

export type Drawing = { nodes: { id: string; x: number; y: number }[]; edges: [string, string][]; until: number };

let run = 0;

addEventListener("message", (e: MessageEvent<Drawing>) => {
  const mine = ++run;
  const graph = new Graph({ multi: true });
  for (const n of e.data.nodes) graph.addNode(n.id, { x: n.x, y: n.y });
  for (const [from, to] of e.data.edges) graph.addEdge(from, to);
  const settings = { ...forceAtlas2.inferSettings(graph), gravity: 1, barnesHutOptimize: graph.order > 300 };
  const end = performance.now() + e.data.until;
  const step = () => {
    if (mine !== run) return;
    forceAtlas2.assign(graph, { iterations: graph.order > 2000 ? 2 : 10, settings });
    const at: Record<string, [number, number]> = {};
    graph.forEachNode((id, n) => {
      at[id] = [n.x as number, n.y as number];
    });
    const over = performance.now() >= end;
    postMessage({ at, over });
    if (!over) setTimeout(step, 0);
  };
  step();
});
