import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { client, data, problemOf } from "../lib/api";
import { moment, took } from "../lib/format";
import { authorization, session } from "../lib/session";
import { Busy, EntityLink, Failure, useTitle } from "../parts/basics";
import { cost, Status } from "./runs";

export function Run() {
  const { id } = useParams({ from: "/frame/app/runs/$id" });
  const replay = useQuery({ queryKey: ["replay", id], queryFn: () => data(client.GET("/api/monitoring/runs/{runId}/replay", { params: { path: { runId: id } } })) });
  const running = replay.data?.run.status === "running";
  useLive(id, running, () => void replay.refetch());
  useTitle(replay.data ? `${replay.data.run.agent_name}: a run` : "Run");
  if (replay.isPending) return <Busy what="The run" />;
  if (replay.error) return <Failure error={replay.error} retry={() => void replay.refetch()} />;
  const { run, summary, entries, anomalies } = replay.data;
  return (
    <>
      <header className="head">
        <p>
          <Status of={run.status} /> {running && <span className="live on">live</span>} <code>{run.run_id}</code>
        </p>
        <h1>{run.agent_name}</h1>
        <p>{summary}</p>
        <p className="faint">
          {moment(run.started_at)}, {took(run.duration_ms)}, {run.total_tokens ?? "?"} tokens, cost {cost(run.total_cost_cents)}. As an entity: <EntityLink id={run.entity_id} label="its versions" />
        </p>
      </header>
      {anomalies.length > 0 && (
        <section aria-labelledby="anomalies">
          <h2 id="anomalies">Out of the ordinary</h2>
          <ul className="plain">
            {anomalies.map((a, i) => (
              <li key={i}>
                <span className="badge bad">{a.code.replaceAll("_", " ")}</span> {a.reason}
              </li>
            ))}
          </ul>
        </section>
      )}
      <Chain id={id} />
      <section aria-labelledby="replay">
        <h2 id="replay">What happened</h2>
        <ol className="timeline">
          {entries.map((e) => (
            <li key={e.n} className={e.status && e.status !== "ok" ? "wrong" : undefined}>
              <span className="faint offset">{took(e.offset_ms)}</span>
              <div>
                <p>
                  <span className="type">{e.kind}</span> {e.narrative}{" "}
                  {e.badges?.map((b, i) => (
                    <span key={i} className="badge bad">
                      {(b as { code?: string }).code?.replaceAll("_", " ") ?? String(b)}
                    </span>
                  ))}
                </p>
                {e.kind === "step" && e.step !== undefined && <StepDetail run={id} step={e.step} />}
                <details>
                  <summary className="faint">Hash</summary>
                  <code>{e.hash}</code>
                </details>
              </div>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}

// StepDetail is what went into a step and came out of it, when it is asked for.
function StepDetail({ run, step }: { run: string; step: number }) {
  const [open, setOpen] = useState(false);
  const detail = useQuery({ queryKey: ["detail", run], enabled: open, queryFn: () => data(client.GET("/api/monitoring/runs/{runId}", { params: { path: { runId: run } } })) });
  const s = detail.data?.steps.find((x) => x.sequence === step);
  const parts: [string, unknown][] = s ? [["Input", s.input], ["Output", s.output], ["Reasoning", s.reasoning], ["Request", s.request], ["Response", s.response], ["Error", s.error_message]] : [];
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>Input and output</summary>
      {detail.isFetching && <Busy what="The step" />}
      {detail.error && <Failure error={detail.error} />}
      {parts
        .filter(([, v]) => v)
        .map(([name, v]) => (
          <div key={name}>
            <h3>{name}</h3>
            <pre>{typeof v === "string" ? v : JSON.stringify(v, null, 2)}</pre>
          </div>
        ))}
    </details>
  );
}

// Chain checks the run's hashes, and gives the evidence to take along.
function Chain({ id }: { id: string }) {
  const check = useQuery({ queryKey: ["verify", id], queryFn: () => data(client.GET("/api/monitoring/runs/{runId}/verify", { params: { path: { runId: id } } })) });
  const evidence = useMutation({
    mutationFn: async (format: "json" | "html") => {
      const answer = await fetch(`/api/monitoring/runs/${encodeURIComponent(id)}/evidence?format=${format}`, { headers: { Authorization: authorization(session()) ?? "" } });
      if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null));
      if (answer.status === 202) throw new Error("The log of attestations does not have all of it yet: try again in a moment.");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `${id}-evidence.${format}`;
      link.click();
      URL.revokeObjectURL(link.href);
    },
  });
  const broken = check.data?.first_broken;
  return (
    <section aria-labelledby="chain">
      <h2 id="chain">Its chain</h2>
      {check.isPending && <Busy what="Checking every hash" />}
      {check.error && <Failure error={check.error} retry={() => void check.refetch()} />}
      {check.data && (
        <>
          <p className={check.data.valid ? "chain good" : "chain bad"} role="status">
            {check.data.valid ? `Whole: ${check.data.entries} entries hash as they say` : `Broken at entry ${broken?.seq}: ${broken?.reason}`}
            {check.data.valid && (check.data.complete ? ", and the run's manifest pins the last." : ". It has not ended yet, so nothing pins it.")}
          </p>
          <p>
            <code>{check.data.chain_hash}</code>
          </p>
        </>
      )}
      <button type="button" disabled={evidence.isPending} onClick={() => evidence.mutate("json")}>
        Evidence to check without this server
      </button>{" "}
      <button type="button" className="plain" disabled={evidence.isPending} onClick={() => evidence.mutate("html")}>
        To read
      </button>
      {evidence.error && <Failure error={evidence.error} />}
    </section>
  );
}

// useLive tells of every entry of a run under way.
function useLive(id: string, on: boolean, tell: () => void) {
  useEffect(() => {
    if (!on) return;
    const stop = new AbortController();
    const follow = async () => {
      const answer = await fetch(`/api/monitoring/runs/${encodeURIComponent(id)}/live`, { signal: stop.signal, headers: { Authorization: authorization(session()) ?? "", Accept: "text/event-stream" } });
      const reader = answer.body?.getReader();
      if (!answer.ok || !reader) return;
      for (;;) {
        const { done } = await reader.read();
        tell();
        if (done) return;
      }
    };
    follow().catch(() => undefined); // what is shown stays as it is
    return () => stop.abort();
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, on]);
}
