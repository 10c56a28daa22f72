import { useQuery } from "@tanstack/react-query";
import { client, data, type Schemas } from "../../lib/api";
import { ago, bytes, moment } from "../../lib/format";
import { Busy, Failure, useTitle } from "../../parts/basics";

type Net = Schemas["NetworkHealth"];

// ServerHealth is how the server is, by itself every few seconds.
export function ServerHealth() {
  useTitle("Server health");
  const got = useQuery({ queryKey: ["health"], queryFn: () => data(client.GET("/v1/admin/health")), refetchInterval: 3_000 });
  if (got.isPending) return <Busy what="How the server is" />;
  if (!got.data) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const h = got.data;
  const troubles = h.networks.flatMap(troublesOf);
  return (
    <>
      <h1>Server health</h1>
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {!got.error && troubles.length === 0 && (
        <p className="chain good" role="status">
          Everything works, and what follows the log has seen all of it.
        </p>
      )}
      {troubles.length > 0 && (
        <div className="chain bad" role="status">
          {troubles.map((t) => (
            <p key={t}>{t}</p>
          ))}
        </div>
      )}
      <p className="faint">
        API version {h.version}
        {h.revision && (
          <>
            , built from <code>{h.revision.slice(0, 12)}</code>
          </>
        )}{" "}
        with {h.go}. It was started <time title={moment(h.startedAt)}>{ago(h.startedAt)}</time>.
      </p>
      <div className="cards">
        {h.networks.map((n) => (
          <Network key={n.network} n={n} />
        ))}
        <Attestation />
      </div>
      <p>
        For probes there are <a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a>; <a href="/metrics">/metrics</a> has all of it over time, for Prometheus.
      </p>
    </>
  );
}

// behind is how many changes make a lag worth a word: less goes by in a moment.
const behind = 1000;

function troublesOf(n: Net): string[] {
  return [
    ...(n.problem ? [`The ${n.network} network cannot work: ${n.problem}`] : []),
    ...(n.attestHalted ? [`The log of the ${n.network} network is not what was signed, so nothing more is signed. The server's log says where they differ; stemma verify reads all of it.`] : []),
    ...n.followers.filter((f) => f.lag > behind).map((f) => `${f.name} of the ${n.network} network is ${f.lag.toLocaleString()} changes behind.`),
  ];
}

function Network({ n }: { n: Net }) {
  const late = n.followers.filter((f) => f.lag > 0);
  return (
    <section className="card" aria-labelledby={`net-${n.network}`}>
      <h2 id={`net-${n.network}`}>
        Network {n.network} <span className={n.problem ? "badge bad" : "badge good"}>{n.problem ? "not ready" : "ready"}</span>
      </h2>
      <dl className="facts">
        <Fact name="Changes" value={n.seq.toLocaleString()} />
        <Fact name="Entities" value={n.entities.toLocaleString()} />
        <Fact name="Relationships" value={n.relationships.toLocaleString()} />
        <Fact name="Graph in memory" value={bytes(n.graphBytes)} />
        <Fact name="Updates waiting" value={n.waiting.toLocaleString()} />
        {n.storage.map((s) => (
          <Fact key={s.part} name={`On disk: ${s.part}`} value={bytes(s.bytes)} />
        ))}
      </dl>
      <h3>What follows its log</h3>
      <p className="faint">{late.length === 0 ? "All have seen every change." : `${late.length} of ${n.followers.length} have some to see.`}</p>
      <details open={late.length > 0}>
        <summary>Each of the {n.followers.length}</summary>
        <dl className="facts">
          {n.followers.map((f) => (
            <Fact key={f.name} name={f.name} value={f.lag === 0 ? "up to date" : `${f.lag.toLocaleString()} behind`} />
          ))}
        </dl>
      </details>
    </section>
  );
}

function Attestation() {
  const health = useQuery({ queryKey: ["health"], queryFn: () => data(client.GET("/v1/admin/health")), enabled: false });
  const main = health.data?.networks.find((n) => n.attestedSize !== null);
  const head = useQuery({ queryKey: ["attested"], enabled: Boolean(main), queryFn: () => data(client.GET("/attestations/head")), refetchInterval: 3_000 });
  return (
    <section className="card" aria-labelledby="attested">
      <h2 id="attested">Attestation</h2>
      {!main && <p>None is kept: the server was started with --attest=false.</p>}
      {main && head.isPending && <Busy what="The signed head" />}
      {head.error && <Failure error={head.error} retry={() => void head.refetch()} />}
      {main && head.data && (
        <>
          <dl className="facts">
            <Fact name="Signed changes" value={head.data.tree_size.toLocaleString()} />
            <Fact name="Not signed yet" value={Math.max(0, main.seq - head.data.tree_size).toLocaleString()} />
            <Fact name="Anchored on Arweave" value={head.data.anchored_size === null ? "no" : `${head.data.anchored_size.toLocaleString()} changes`} />
          </dl>
          <dl className="properties">
            <Long name="Log" value={head.data.origin} />
            <Long name="Root" value={head.data.root} />
            <Long name="Key to check it with" value={head.data.verifier_key} />
          </dl>
        </>
      )}
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Long({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </div>
  );
}
