import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import { isTeamless, useMe, type Me } from "../../lib/portal";
import { count } from "../../lib/format";
import { seconds, useSeries, useSummary } from "../../lib/usage";
import { Busy, Failure } from "../../parts/basics";
import { Cards } from "./cards";
import { FirstCall } from "./firstcall";
import "../usage.css";

const Chart = lazy(() => import("../../parts/chart").then((m) => ({ default: m.Chart })));

const week = { days: 7, below: false };

// Glance is what the team's agents did in the last days. Who is in no team is not
// bothered.
export function Glance() {
  const me = useMe();
  if (me.isPending || me.data === null || isTeamless(me.error)) return null;
  return (
    <section aria-labelledby="glance">
      <h2 id="glance">Seven days of {me.data?.tenant.name ?? "your team"}</h2>
      {me.error ? <Failure error={me.error} retry={() => void me.refetch()} /> : me.data && <Figures me={me.data} />}
    </section>
  );
}

function Figures({ me }: { me: Me }) {
  const summary = useSummary(week);
  if (summary.isPending) return <Busy what="Usage" />;
  if (summary.error) return <Failure error={summary.error} retry={() => void summary.refetch()} />;
  if (summary.data.totalRequests === 0) return <FirstCall me={me} when="in the last seven days" />;
  return (
    <>
      <Cards s={summary.data} />
      <Suspense fallback={<Busy what="The chart" />}>
        <Days />
      </Suspense>
      <Link to="/app/usage">Usage by model and agent</Link>
    </>
  );
}

function Days() {
  const series = useSeries(week);
  const drawn = useMemo(() => series.data && { times: seconds(series.data), series: [{ name: "Calls", values: series.data.map((p) => p.requests), format: count }] }, [series.data]);
  if (!drawn) return null;
  return <Chart title="Calls by day; the page Usage has them as a table" times={drawn.times} series={drawn.series} height={140} />;
}
