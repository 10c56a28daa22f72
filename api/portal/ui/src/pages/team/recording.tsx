import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { Busy, Failure } from "../../parts/basics";
import { Confirm } from "../../parts/confirm";
import { Choice, Field, Section } from "../agents/fields";

type Rule = Schemas["Rule"];

const maskingQuery = { queryKey: ["masking"], queryFn: () => data(client.GET("/api/monitoring/masking")) };
const retentionQuery = { queryKey: ["retention"], queryFn: () => data(client.GET("/api/monitoring/retention")) };

// Recording is what is kept of recorded runs.
export function Recording() {
  const masking = useQuery(maskingQuery);
  const retention = useQuery(retentionQuery);
  return (
    <>
      <Section title="What is never kept" note="What a rule finds is replaced before it is written down, in everything that is recorded from now on: prompts, answers, arguments, results. What is written down already cannot change.">
        {masking.isPending && <Busy what="Rules" />}
        {masking.error && <Failure error={masking.error} retry={() => void masking.refetch()} />}
        {masking.data && <Masking of={masking.data.rules} />}
      </Section>
      <Section title="How long it is kept" note="What was said in a run can be deleted some days after it has ended. Names, times, counts, costs and hashes stay, and with them the proof of what there was.">
        {retention.isPending && <Busy what="How long" />}
        {retention.error && <Failure error={retention.error} retry={() => void retention.refetch()} />}
        {retention.data && <Retention days={retention.data.days} />}
      </Section>
    </>
  );
}

const known = [
  ["email", "Email addresses"],
  ["credit_card", "Numbers of credit cards"],
  ["phone", "Telephone numbers"],
  ["ipv4", "IP addresses"],
  ["us_ssn", "US social security numbers"],
  ["api_key", "Keys of APIs"],
  ["jwt", "Tokens (JWT)"],
] as const;

const isKnown = (pattern?: string) => known.some(([name]) => name === pattern);

function Masking({ of }: { of: Rule[] }) {
  const [rules, setRules] = useState(of);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => data(client.PUT("/api/monitoring/masking", { body: { rules: rules.map(sent) } })),
    onSuccess: (now) => {
      queries.setQueryData(["masking"], now);
      setRules(now.rules);
    },
  });
  const dirty = JSON.stringify(rules) !== JSON.stringify(of);
  const set = (i: number, part: Partial<Rule>) => setRules(rules.map((r, j) => (i === j ? { ...r, ...part } : r)));
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      {rules.length === 0 && <p className="faint">No rule: everything is kept as it was said.</p>}
      <ol className="plain rules" aria-label="Rules">
        {rules.map((r, i) => (
          <li key={i} className="endpoint">
            <Field label="Name of the rule" value={r.name} required maxLength={100} onChange={(name) => set(i, { name })} />
            <Choice label="What it finds" value={isKnown(r.pattern) ? (r.pattern ?? "") : ""} options={[...known, ["", "Something of one's own"]]} onChange={(pattern) => set(i, { pattern })} />
            {!isKnown(r.pattern) && <Field label="Regular expression" value={r.pattern ?? ""} placeholder="MRN-\d{6}" hint="RE2. Empty with a path: all that is there" onChange={(pattern) => set(i, { pattern })} />}
            <Field label="Only at" value={r.path ?? ""} placeholder="$..password" hint="A JSONPath. Empty: everywhere" onChange={(path) => set(i, { path })} />
            <Field label="Replaced by" value={r.replacement ?? ""} placeholder="[masked]" onChange={(replacement) => set(i, { replacement })} />
            <button type="button" className="quiet" onClick={() => setRules(rules.filter((_, j) => j !== i))}>
              Remove {r.name || "the rule"}
            </button>
          </li>
        ))}
      </ol>
      <p className="acts">
        <button type="button" className="quiet" onClick={() => setRules([...rules, { name: "Email addresses", pattern: "email" }])}>
          Add a rule
        </button>
        <button disabled={!dirty || save.isPending}>Save the rules</button>
      </p>
      {save.isSuccess && !dirty && <p role="status">Saved. They hold from now on.</p>}
      {save.error && <Failure error={save.error} />}
    </form>
  );
}

// sent is a rule without what is left empty.
function sent(r: Rule): Rule {
  return { name: r.name, ...(r.pattern ? { pattern: r.pattern } : {}), ...(r.path ? { path: r.path } : {}), ...(r.replacement ? { replacement: r.replacement } : {}) };
}

function Retention({ days }: { days: number | null }) {
  const [typed, setTyped] = useState(days === null ? "" : String(days));
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (days: number | null) => data(days === null ? client.DELETE("/api/monitoring/retention") : client.PUT("/api/monitoring/retention", { body: { days } })),
    onSuccess: (now) => {
      setAsking(false);
      queries.setQueryData(["retention"], now);
      setTyped(now.days === null ? "" : String(now.days));
    },
  });
  const wanted = typed.trim() ? Number(typed) : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (wanted !== null && (days === null || wanted < days)) setAsking(true);
    else save.mutate(wanted);
  };
  return (
    <form onSubmit={submit}>
      <p>{days === null ? "Now it is kept for ever." : `Now it is deleted ${days} ${days === 1 ? "day" : "days"} after the end of a run.`}</p>
      <div className="inline">
        <Field label="Days" type="number" min={1} max={36500} value={typed} hint="Empty: for ever" onChange={setTyped} />
        <button disabled={wanted === days || save.isPending}>{wanted === null ? "Keep it for ever" : "Set it"}</button>
      </div>
      {save.error && !asking && <Failure error={save.error} />}
      <Confirm
        open={asking}
        onOpen={setAsking}
        title="Delete what was said?"
        action={`Delete after ${wanted} ${wanted === 1 ? "day" : "days"}`}
        busy={save.isPending}
        onConfirm={() => save.mutate(wanted)}
        what={
          <>
            <p>
              What was said in runs that ended more than {wanted} {wanted === 1 ? "day" : "days"} ago is deleted within minutes: prompts, answers, arguments and results of tools, contexts. <strong>It cannot be brought back.</strong>
            </p>
            {save.error && <Failure error={save.error} />}
          </>
        }
      />
    </form>
  );
}
