import { client, data, Problem, type Schemas } from "./api";

export type Found = { id: string; type: string; label: string; score: number; preview?: string };
export type Step = { from: string; to: string; predicate: string };
export type Answer = { found: Found[]; steps: Step[]; labels: Map<string, { label: string; type: string }>; count?: number; took: number; note?: string; way: "query" | "search" };

// isQuery tells a query of the path language from words to search for.
export function isQuery(text: string): boolean {
  return /^\s*(@|!?type:|"|')/.test(text) || /-\[|->|<-|\|\s*(limit|count)/.test(text);
}

// previewOf is how an entity begins, where it has words.
function previewOf(p: Schemas["EntityPreview"] | undefined): string | undefined {
  return p?.description_preview || p?.text_preview;
}

// ask answers a query, or finds what is like some words.
export async function ask(text: string, signal: AbortSignal): Promise<Answer> {
  const labels = new Map<string, { label: string; type: string }>();
  if (!isQuery(text)) {
    const got = await data(client.POST("/search/discover", { body: { query: text, limit: 50, expand: "preview" }, signal }));
    const found = got.results.map((r) => ({ id: r.id, type: r.type, label: r.label, score: r.score, preview: previewOf(r.entity_preview) }));
    found.forEach((f) => labels.set(f.id, f));
    const missing = got.metadata?.missing?.length ? `Without ${got.metadata.missing.join(" and ")}, which cannot be asked now` : undefined;
    return { found, steps: [], labels, took: got.metadata?.execution_time_ms ?? 0, note: missing, way: "search" };
  }
  const got = await data(client.POST("/query", { body: { path: text, k: 100 }, signal }));
  const found: Found[] = [];
  const steps = new Map<string, Step>();
  for (const r of got.results ?? []) {
    if (r.entity) {
      found.push({ id: r.entity.id, type: r.entity.type, label: r.entity.label, score: r.score ?? 0, preview: previewOf(r.entity.preview_data) });
      labels.set(r.entity.id, { label: r.entity.label, type: r.entity.type });
    }
    let at = "";
    let edge: { predicate: string; back: boolean } | null = null;
    for (const p of r.path ?? []) {
      const step = p as { entity?: string; label?: string; type?: string; edge?: string; direction?: string };
      if (step.edge) edge = { predicate: step.edge, back: step.direction === "incoming" };
      if (!step.entity) continue;
      labels.set(step.entity, { label: step.label ?? step.entity, type: step.type ?? "" });
      if (at && edge) {
        const s = edge.back ? { from: step.entity, to: at, predicate: edge.predicate } : { from: at, to: step.entity, predicate: edge.predicate };
        steps.set(`${s.from} ${s.predicate} ${s.to}`, s);
      }
      at = step.entity;
    }
  }
  const m = got.metadata;
  return { found, steps: [...steps.values()], labels, count: got.count, took: m?.execution_time_ms ?? 0, note: m?.truncated ? "There are more; narrow the question, or end it with | limit 1000" : m?.reason, way: "query" };
}

// positionOf is the character that a query could not be read beyond.
export function positionOf(error: Error | null): number | null {
  const at = error instanceof Problem ? error.details.position : undefined;
  return typeof at === "number" ? at : null;
}
