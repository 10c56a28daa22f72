import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { client, data } from "../../lib/api";
import { dollars, moment, took } from "../../lib/format";
import { Busy, EntityLink, Failure, useTitle } from "../../parts/basics";

// ServerTrace is a call with everything that happened in it.
export function ServerTrace() {
  const { id } = useParams({ from: "/frame/app/server/traces/$id" });
  const got = useQuery({ queryKey: ["trace", id], queryFn: () => data(client.GET("/v1/admin/traces/{id}", { params: { path: { id } } })) });
  useTitle(got.data ? `A call of ${got.data.agent_name ?? "an agent"}` : "A call");
  const back = (
    <p className="crumb">
      <Link to="/app/server/traces">Calls</Link>
    </p>
  );
  if (got.isPending) return <Busy what="The call" />;
  if (got.error)
    return (
      <>
        {back}
        <Failure error={got.error} retry={() => void got.refetch()} />
      </>
    );
  const t = got.data;
  return (
    <>
      {back}
      <h1>
        A call of {t.agent_name ?? "an agent"} <span className={`badge ${t.status_code < 400 ? "good" : "bad"}`}>{t.status_code}</span>
      </h1>
      <p className="faint">
        {moment(t.created_at)}. As an entity: <EntityLink id={t.id} label="its versions" />
        {t.tenant_id && (
          <>
            . Of{" "}
            <Link to="/app/server/tenants/$id" params={{ id: t.tenant_id }}>
              its tenant
            </Link>
          </>
        )}
      </p>
      {t.error && <p className="failure">{t.error}</p>}
      <dl className="stats">
        {(
          [
            ["Model", t.model],
            ["Provider", t.provider || "–"],
            ["Took", took(t.latency_ms)],
            ["First byte after", took(t.ttfb_ms)],
            ["Of that, this server", took(t.gateway_overhead_ms)],
            ["Tokens in", t.prompt_tokens?.toLocaleString() ?? "unknown"],
            ["Tokens out", t.completion_tokens?.toLocaleString() ?? "unknown"],
            ["Cost", dollars(t.cost_usd)],
          ] as const
        ).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h2>What happened</h2>
      <ol className="timeline">
        {t.steps.map((s) => (
          <li key={s.n}>
            <time className="offset" dateTime={s.at}>
              {new Date(s.at).toLocaleTimeString()}
            </time>
            <div>
              <p>
                <span className="type">{s.kind}</span> {s.sealed && <span className="badge">sealed</span>} {s.problem}
              </p>
              <details>
                <summary>All of it</summary>
                <pre>{JSON.stringify(s.body, null, 2)}</pre>
                <p className="faint">
                  Hash <code>{s.cid}</code>
                </p>
              </details>
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}
