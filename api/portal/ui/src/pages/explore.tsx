import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { ask, positionOf, type Answer } from "../lib/ask";
import { Busy, Empty, EntityLink, Failure, Type, useTitle } from "../parts/basics";
import { QueryBar } from "../parts/querybar";
import type { View } from "../routes";

const GraphView = lazy(() => import("../parts/graph").then((m) => ({ default: m.GraphView })));

const saved = "stemma.queries";

function load(): string[] {
  try {
    return JSON.parse(localStorage.getItem(saved) ?? "[]") as string[];
  } catch {
    return [];
  }
}

// What the completion knows: words of earlier answers.
const types = new Set(["collection", "file", "person", "agent", "user", "folder"]);
const relations = new Set(["*", "collection"]);
const seen = () => ({ types, relations });

export function Explore() {
  const { q, view = "list" } = useSearch({ from: "/frame/app/explore" });
  const navigate = useNavigate({ from: "/app/explore" });
  const [kept, setKept] = useState(load);
  useTitle(q ?? "Explore");
  const answer = useQuery({
    queryKey: ["ask", q],
    enabled: Boolean(q),
    queryFn: ({ signal }) => ask(q!, signal),
  });
  useEffect(() => {
    answer.data?.labels.forEach((l) => l.type && types.add(l.type));
    answer.data?.steps.forEach((s) => relations.add(s.predicate));
  }, [answer.data]);
  const run = useCallback((text: string) => void navigate({ search: (s) => ({ ...s, q: text.trim() || undefined }) }), [navigate]);
  const keep = (next: string[]) => {
    setKept(next);
    localStorage.setItem(saved, JSON.stringify(next));
  };
  return (
    <>
      <h1 className="unseen">Explore</h1>
      <QueryBar value={q ?? ""} position={positionOf(answer.error)} onRun={run} seen={seen} />
      {kept.length > 0 && (
        <ul className="kept" aria-label="Saved queries">
          {kept.map((k) => (
            <li key={k}>
              <button type="button" className="plain" onClick={() => run(k)}>
                {k}
              </button>
              <button type="button" className="plain" aria-label={`Forget ${k}`} onClick={() => keep(kept.filter((x) => x !== k))}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {!q && <Lesson run={run} />}
      {answer.isFetching && <Busy what="Looking" />}
      {answer.error && <Failure error={answer.error} />}
      {answer.data && q && (
        <>
          <p className="summary" role="status">
            {answer.data.count !== undefined && answer.data.found.length === 0 ? answer.data.count : answer.data.found.length}{" "}
            {answer.data.way === "query" ? "results" : "found by words and meaning"}, in {answer.data.took.toFixed(1)} ms
            {answer.data.note && <>. {answer.data.note}</>}
            {!kept.includes(q) && (
              <button type="button" className="plain" onClick={() => keep([q, ...kept].slice(0, 20))}>
                Save this query
              </button>
            )}
          </p>
          <div className="views" role="group" aria-label="How results are shown">
            {(["list", "table", "graph"] as const).map((v) => (
              <button key={v} type="button" aria-pressed={v === view} onClick={() => void navigate({ search: (s) => ({ ...s, view: v === "list" ? undefined : v }) })}>
                {v[0]!.toUpperCase() + v.slice(1)}
              </button>
            ))}
          </div>
          <Results query={q} answer={answer.data} view={view} open={(id) => void navigate({ to: "/app/e/$id", params: { id } })} />
        </>
      )}
    </>
  );
}

function Results({ query, answer, view, open }: { query: string; answer: Answer; view: View; open: (id: string) => void }) {
  if (answer.found.length === 0)
    return answer.count ? null : (
      <Empty title="Nothing fits">
        <p>Widen the question: another type, a hop along any relation with [*], or plain words without arrows.</p>
      </Empty>
    );
  if (view === "graph")
    return (
      <Suspense fallback={<Busy what="The graph" />}>
        <GraphView key={query} answer={answer} onOpen={open} />
      </Suspense>
    );
  if (view === "table")
    return (
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Label</th>
              <th scope="col">Type</th>
              <th scope="col">Identifier</th>
              <th scope="col" className="number">
                Score
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.found.map((f, i) => (
              <tr key={`${f.id} ${i}`}>
                <td>
                  <EntityLink id={f.id} label={f.label} />
                </td>
                <td>
                  <Type name={f.type} />
                </td>
                <td>
                  <code>{f.id}</code>
                </td>
                <td className="number">{f.score.toFixed(3)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  return (
    <ol className="results">
      {answer.found.map((f, i) => (
        <li key={`${f.id} ${i}`}>
          <EntityLink id={f.id} label={f.label} type={f.type} />
          {f.preview && <p className="faint beginning">{f.preview}</p>}
        </li>
      ))}
    </ol>
  );
}

const lessons: [string, string][] = [
  ["type:collection", "every collection"],
  ["type:file | limit 100", "a hundred files"],
  ['type:person -[*]-> type:letter', "letters that people have to do with"],
  ['@:discover "weather at sea" -[*]{1,2}-> type:person', "people near what is about the weather at sea"],
];

function Lesson({ run }: { run: (q: string) => void }) {
  return (
    <Empty title="Ask">
      <p>Words find what is like them. A query begins at entities and goes along their relationships:</p>
      <ul className="plain">
        {lessons.map(([q, what]) => (
          <li key={q}>
            <button type="button" className="plain code" onClick={() => run(q)}>
              {q}
            </button>{" "}
            <span className="faint">{what}</span>
          </li>
        ))}
      </ul>
      <p>
        <a href="/query/syntax">The whole language</a>
      </p>
    </Empty>
  );
}
