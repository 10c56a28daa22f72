// The layout of a graph, beside the page: nodes that repel and edges that pull.
import Graph from "graphology";
import forceAtlas2 from "graphology-layout-forceatlas2";

// Drawing is where nodes are, x and y one after the other, and edges as pairs of
// their numbers; the layout goes on for so many milliseconds.
export type Drawing = { at: Float32Array; edges: Uint32Array; until: number };
export type Moved = { at: Float32Array; over: boolean };

let run = 0;

addEventListener("message", (e: MessageEvent<Drawing>) => {
  const mine = ++run;
  const { at, edges, until } = e.data;
  const graph = new Graph({ multi: true });
  for (let i = 0; i < at.length / 2; i++) graph.addNode(i, { x: at[2 * i], y: at[2 * i + 1] });
  for (let i = 0; i < edges.length; i += 2) graph.addEdge(edges[i], edges[i + 1]);
  const settings = { ...forceAtlas2.inferSettings(graph), gravity: 1, barnesHutOptimize: graph.order > 300 };
  const end = performance.now() + until;
  const pause = graph.order > 2000 ? 400 : 50; // drawing it again takes the page as long as it is big
  let told = performance.now();
  const step = () => {
    if (mine !== run) return;
    forceAtlas2.assign(graph, { iterations: graph.order > 2000 ? 2 : 10, settings });
    const over = performance.now() >= end;
    if (over || performance.now() - told >= pause) {
      told = performance.now();
      const now = new Float32Array(at.length);
      graph.forEachNode((id, n) => {
        now[2 * Number(id)] = n.x as number;
        now[2 * Number(id) + 1] = n.y as number;
      });
      postMessage({ at: now, over } satisfies Moved);
    }
    if (!over) setTimeout(step, 0);
  };
  step();
});
