import { useQuery } from "@tanstack/react-query";
import { Fragment, useEffect, useMemo, useState } from "react";
import { client, data, type Schemas } from "../lib/api";
import type { Step } from "../lib/ask";
import type { Labels, Node } from "../lib/drawing";
import { Busy, EntityLink, Failure } from "./basics";

const directions = [
  ["both", "Either way"],
  ["outgoing", "Along the arrows"],
  ["incoming", "Against the arrows"],
] as const;

type Path = Schemas["PathResult"];
type Props = { from: Node; to: Node; bring: (labels: Labels, steps: Step[]) => void; show: (steps: Step[]) => void };

// between asks for the shortest path each way, and tells those apart that differ.
async function between(from: string, to: string, max_depth: number, signal: AbortSignal) {
  const answers = await Promise.all(directions.map(([direction]) => data(client.POST("/graph/paths", { body: { source_ids: [from], target_ids: [to], max_depth, direction, limit: 1 }, params: { query: { expand: "none" } }, signal }))));
  const found = new Map<string, { ways: string[]; path: Path }>();
  answers.forEach((a, i) =>
    a.paths.forEach((path) => {
      const key = path.edges.map((e) => `${e.subject_id} ${e.predicate} ${e.object_id}`).join();
      const same = found.get(key);
      if (same) same.ways.push(directions[i]![1]);
      else found.set(key, { ways: [directions[i]![1]], path });
    }),
  );
  return { paths: [...found.values()], truncated: answers.some((a) => a.truncated) };
}

const stepsOf = (p: Path): Step[] => p.edges.map((e) => ({ from: e.subject_id, predicate: e.predicate, to: e.object_id }));

// Paths are the shortest between two entities: one of them stands out in the
// picture, and each is said in words.
export function Paths({ from, to, bring, show }: Props) {
  const [depth, setDepth] = useState(4);
  const [at, setAt] = useState(0);
  const got = useQuery({ queryKey: ["paths", from.id, to.id, depth], queryFn: ({ signal }) => between(from.id, to.id, depth, signal) });
  const paths = useMemo(() => got.data?.paths ?? [], [got.data]);
  useEffect(() => {
    const p = paths[Math.min(at, paths.length - 1)]?.path;
    if (p) {
      const labels: Labels = new Map(p.edges.flatMap((e) => [[e.subject_id, { label: e.subject_label, type: e.subject_type }] as const, [e.object_id, { label: e.object_label, type: e.object_type }] as const]));
      bring(labels, stepsOf(p));
    }
    show(p ? stepsOf(p) : []);
    return () => show([]);
    // What is shown follows from the paths; bring and show are new each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [paths, at]);
  return (
    <section aria-label="Paths between them">
      <h3>Paths between them</h3>
      <p>
        <label>
          At most{" "}
          <select value={depth} onChange={(e) => setDepth(Number(e.target.value))}>
            {[2, 4, 6, 8].map((n) => (
              <option key={n} value={n}>
                {n} steps
              </option>
            ))}
          </select>
        </label>
      </p>
      {got.isPending && <Busy what="Paths" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data && paths.length === 0 && <p role="status">{got.data.truncated ? "None was found in time; there may be one." : `None of at most ${depth} steps.`}</p>}
      <ol className="paths">
        {paths.map(({ ways, path }, i) => (
          <li key={ways[0]}>
            <button type="button" className="plain" aria-pressed={i === at} onClick={() => setAt(i)}>
              {ways.join(", ")}: {path.length} {path.length === 1 ? "step" : "steps"}
            </button>
            <Words path={path} from={from} />
          </li>
        ))}
      </ol>
    </section>
  );
}

// Words says a path from its first entity on: arrows are as they are stored.
function Words({ path, from }: { path: Path; from: Node }) {
  let here = from.id;
  return (
    <p className="path">
      <EntityLink id={from.id} label={from.label} />
      {path.edges.map((e) => {
        const along = e.subject_id === here;
        here = along ? e.object_id : e.subject_id;
        return (
          <Fragment key={here}>
            {" "}
            <span className="predicate">{along ? `— ${e.predicate} →` : `← ${e.predicate} —`}</span> <EntityLink id={here} label={along ? e.object_label : e.subject_label} />
          </Fragment>
        );
      })}
    </p>
  );
}
