// A graph on a canvas: what is drawn, how it is laid out, and what is hidden,
// chosen or on a path. React tells it what to do, and is told what became of it.
import Graph from "graphology";
import Sigma from "sigma";
import { EdgeArrowProgram, EdgeLineProgram, NodePointProgram } from "sigma/rendering";
import type { RenderParams } from "sigma/types";
import type { Step } from "./ask";
import type { Moved, Drawing as Layout } from "./layout.worker";
import { isDark, onTheme } from "./theme";

const light = ["#1f6f54", "#8a4b08", "#5b3da5", "#0b5d8f", "#8f1d4f", "#556000", "#006d77", "#6a4a3a"];
const dark = ["#6fcfa8", "#f0a860", "#b9a3f5", "#75c0f0", "#f08ab8", "#c6d060", "#63d2de", "#d1ab95"];

export type Labels = Map<string, { label: string; type: string }>;
export type Node = { id: string; label: string; type: string };
export type Told = { onChange: () => void; onChoose: (id: string, more: boolean) => void; onExpand: (id: string) => void };

// many is how many edges are drawn with an arrow at their end: more are lines,
// which are drawn faster, and not while the picture moves.
const many = 2_000;

// pointsOf draws nodes as points. An instance of a shape for each, as is usual, is a
// draw of its own where there is no graphics card: 10,000 took 290 ms. What tells
// the mouse which node it is over is drawn a second time, but not during a move.
function pointsOf(moving: () => boolean) {
  return class extends NodePointProgram {
    override render(params: RenderParams) {
      const pick = this.pickProgram;
      if (moving()) this.pickProgram = null;
      super.render(params);
      this.pickProgram = pick;
    }
  };
}

export class Drawing {
  readonly types: string[] = [];
  readonly predicates: string[] = [];
  private graph = new Graph({ multi: true });
  private sigma: Sigma;
  private worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  private settled = "0 0";
  private order: string[] = []; // of the nodes that the worker has
  private waiting: Moved | null = null; // a layout that came while somebody moved the picture
  private hiddenTypes = new Set<string>();
  private hiddenPredicates = new Set<string>();
  private chosen: string[] = [];
  private onPath = new Set<string>(); // keys of edges, and nodes
  private ink: Record<"--ink" | "--line-strong" | "--faint" | "--accent" | "--line", string>;
  private stop: () => void;
  settling = false;

  constructor(place: HTMLElement, private told: Told) {
    this.ink = inks();
    this.sigma = new Sigma(this.graph, place, {
      allowInvalidContainer: true,
      nodeProgramClasses: { circle: pointsOf(() => this.moving) },
      edgeProgramClasses: { arrow: EdgeArrowProgram, line: EdgeLineProgram },
      hideLabelsOnMove: true,
      labelDensity: 0.6,
      zIndex: true,
      nodeReducer: (id, n) => this.lookOfNode(id, n as Attributes),
      edgeReducer: (key, e) => this.lookOfEdge(key, e as Attributes),
    });
    this.worker.onmessage = (e: MessageEvent<Moved>) => this.move(e.data);
    this.sigma.on("clickNode", ({ node, event }) => told.onChoose(node, event.original.shiftKey));
    this.sigma.on("doubleClickNode", ({ node, event }) => {
      event.preventSigmaDefault();
      told.onExpand(node);
    });
    // What has nothing on it during a move is not put on the screen in every frame.
    this.sigma.on("afterRender", () => place.classList.toggle("moving", this.moving && this.graph.size > many));
    const release = () => this.waiting && this.move(this.waiting);
    addEventListener("mouseup", release);
    addEventListener("touchend", release);
    const themes = onTheme(() => {
      this.ink = inks();
      this.paint();
      told.onChange();
    });
    this.stop = () => {
      themes();
      removeEventListener("mouseup", release);
      removeEventListener("touchend", release);
    };
    this.paint();
  }

  kill() {
    this.stop();
    this.worker.terminate();
    this.sigma.kill();
  }

  private get moving(): boolean {
    const mouse = this.sigma?.getMouseCaptor();
    return Boolean(mouse && (mouse.isMoving || mouse.draggedEvents || mouse.currentWheelDirection)) || this.sigma?.getCamera().isAnimated();
  }

  get size() {
    return { nodes: this.graph.order, edges: this.graph.size };
  }

  nodes(): Node[] {
    return this.graph.mapNodes((id, n) => ({ id, label: n.label as string, type: n.kind as string })).filter((n) => !this.hiddenTypes.has(n.type));
  }

  node(id: string): Node | undefined {
    return this.graph.hasNode(id) ? { id, label: this.graph.getNodeAttribute(id, "label") as string, type: this.graph.getNodeAttribute(id, "kind") as string } : undefined;
  }

  colourOf(type: string): string {
    const all = isDark() ? dark : light;
    return all[Math.max(0, this.types.indexOf(type)) % all.length]!;
  }

  // add draws what is not drawn yet; new nodes begin near one that is.
  add(labels: Labels, steps: Iterable<Step>, near?: string) {
    const at = near && this.graph.hasNode(near) ? this.graph.getNodeAttributes(near) : { x: 0, y: 0 };
    labels.forEach(({ label, type }, id) => {
      if (this.graph.hasNode(id)) return;
      if (!this.types.includes(type)) this.types.push(type);
      const angle = this.graph.order * 2.399963; // the golden angle spreads them evenly
      const radius = Math.sqrt(this.graph.order + 1);
      this.graph.addNode(id, { label: label || id, kind: type, size: 5, x: (at.x as number) + Math.cos(angle) * radius, y: (at.y as number) + Math.sin(angle) * radius });
    });
    for (const s of steps) {
      const key = keyOf(s);
      if (!this.graph.hasNode(s.from) || !this.graph.hasNode(s.to) || this.graph.hasEdge(key)) continue;
      if (!this.predicates.includes(s.predicate)) this.predicates.push(s.predicate);
      this.graph.addEdgeWithKey(key, s.from, s.to, { label: s.predicate, size: 1, type: this.graph.size > many ? "line" : "arrow" });
    }
    this.sigma.setSetting("renderEdgeLabels", this.graph.size < 200);
    this.sigma.setSetting("hideEdgesOnMove", this.graph.size > many);
    this.told.onChange();
  }

  // settle lays it out, beside the page, when something was added.
  settle() {
    const size = `${this.graph.order} ${this.graph.size}`;
    if (size === this.settled) return;
    this.settled = size;
    this.settling = true;
    this.order = this.graph.nodes();
    const place = new Map(this.order.map((id, i) => [id, i]));
    const at = new Float32Array(this.order.length * 2);
    this.order.forEach((id, i) => {
      at[2 * i] = this.graph.getNodeAttribute(id, "x") as number;
      at[2 * i + 1] = this.graph.getNodeAttribute(id, "y") as number;
    });
    const edges = new Uint32Array(this.graph.size * 2);
    let n = 0;
    this.graph.forEachEdge((_, __, from, to) => {
      edges[n++] = place.get(from)!;
      edges[n++] = place.get(to)!;
    });
    this.worker.postMessage({ at, edges, until: Math.min(1000 + this.graph.order, 8000) } satisfies Layout);
    this.told.onChange();
  }

  // move takes a layout over, but not under the hand of who moves the picture.
  private move(m: Moved) {
    const held = this.sigma.getMouseCaptor().isMouseDown || this.sigma.getTouchCaptor().isMoving;
    this.waiting = held ? m : null;
    if (held || m.at.length !== this.order.length * 2) return; // the second: it is of what was drawn before
    const index = new Map(this.order.map((id, i) => [id, i]));
    this.graph.updateEachNodeAttributes(
      (id, n) => {
        const at = index.get(id);
        return at === undefined ? n : { ...n, x: m.at[2 * at], y: m.at[2 * at + 1] };
      },
      { attributes: ["x", "y"] },
    );
    if (m.over && this.settling) {
      this.settling = false;
      this.told.onChange();
    }
  }

  hide(types: Set<string>, predicates: Set<string>) {
    this.hiddenTypes = types;
    this.hiddenPredicates = predicates;
    this.sigma.refresh();
    this.told.onChange();
  }

  choose(ids: string[]) {
    this.chosen = ids;
    this.sigma.refresh({ skipIndexation: true });
  }

  // path has the way of a path stand out, and all else step back.
  path(steps: Step[]) {
    this.onPath = new Set(steps.flatMap((s) => [keyOf(s), s.from, s.to]));
    this.sigma.refresh({ skipIndexation: true });
  }

  private paint() {
    this.sigma.setSetting("labelColor", { color: this.ink["--ink"] });
    this.sigma.setSetting("edgeLabelColor", { color: this.ink["--faint"] });
    this.sigma.setSetting("defaultEdgeColor", this.ink["--line-strong"]);
    this.sigma.setSetting("defaultDrawNodeHover", (context, d, settings) => {
      context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--raised");
      context.strokeStyle = this.ink["--accent"];
      context.lineWidth = 2;
      context.font = `${settings.labelWeight} ${settings.labelSize}px ${settings.labelFont}`;
      context.beginPath();
      const wide = d.label ? context.measureText(d.label).width + d.size * 2 + 14 : d.size * 2 + 8;
      context.roundRect(d.x - d.size - 4, d.y - settings.labelSize / 2 - 6, wide + 4, settings.labelSize + 12, 6);
      context.fill();
      context.stroke();
      context.fillStyle = this.ink["--ink"];
      if (d.label) context.fillText(d.label, d.x + d.size + 3, d.y + settings.labelSize / 3);
    });
    this.sigma.refresh();
  }

  private lookOfNode(id: string, n: Attributes): Attributes {
    if (this.hiddenTypes.has(n.kind as string)) return { ...n, hidden: true };
    const color = this.colourOf(n.kind as string);
    if (this.graph.order > 2_000) n = { ...n, size: 2.5 };
    if (this.chosen.includes(id)) return { ...n, color, size: 9, highlighted: true, zIndex: 2 };
    if (this.onPath.size === 0) return { ...n, color };
    return this.onPath.has(id) ? { ...n, color, size: 8, forceLabel: true, zIndex: 1 } : { ...n, color: this.ink["--line"], label: "" };
  }

  private lookOfEdge(key: string, e: Attributes): Attributes {
    if (this.hiddenPredicates.has(e.label as string)) return { ...e, hidden: true };
    if (this.onPath.size === 0) return e;
    return this.onPath.has(key) ? { ...e, color: this.ink["--accent"], size: 4, forceLabel: true, zIndex: 1 } : { ...e, color: this.ink["--line"], label: "" };
  }
}

type Attributes = Record<string, unknown>;

export function keyOf(s: Step): string {
  return `${s.from} ${s.predicate} ${s.to}`;
}

function inks() {
  const of = getComputedStyle(document.documentElement);
  const names = ["--ink", "--line-strong", "--faint", "--accent", "--line"] as const;
  return Object.fromEntries(names.map((n) => [n, of.getPropertyValue(n).trim() || "#888"])) as Record<(typeof names)[number], string>;
}
