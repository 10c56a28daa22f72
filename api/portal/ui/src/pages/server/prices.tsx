import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client, data, Problem, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Failure, useTitle } from "../../parts/basics";

type Price = Schemas["Price"];

const columns = [
  ["input", "Input"],
  ["output", "Output"],
  ["cachedInput", "Input from a cache"],
  ["cacheWrite", "Input into a cache"],
] as const;

type Row = { at: number; provider: string; model: string } & Record<(typeof columns)[number][0], string>;

const shown = (n: number | undefined) => (n === undefined ? "" : String(n));
const rowOf = (p: Price, at: number): Row => ({ at, provider: p.provider ?? "", model: p.model, input: shown(p.input), output: shown(p.output), cachedInput: shown(p.cachedInput), cacheWrite: shown(p.cacheWrite) });

// priceOf is what a row says; what is left empty of a cache costs as other input.
function priceOf(r: Row): Price {
  return {
    ...(r.provider ? { provider: r.provider } : {}),
    model: r.model.trim(),
    input: Number(r.input),
    output: Number(r.output),
    ...(r.cachedInput === "" ? {} : { cachedInput: Number(r.cachedInput) }),
    ...(r.cacheWrite === "" ? {} : { cacheWrite: Number(r.cacheWrite) }),
  };
}

export function ServerPrices() {
  useTitle("Prices");
  const got = useQuery({ queryKey: ["prices"], queryFn: () => data(client.GET("/v1/admin/prices")), refetchOnWindowFocus: false });
  if (got.isPending) return <Busy what="Prices" />;
  if (!got.data) return <Failure error={got.error} retry={() => void got.refetch()} />;
  return (
    <>
      <h1>Prices</h1>
      <p>
        In US dollars for a million tokens. A model that is neither here nor among the list prices has no price, and what its calls cost is unknown, not nothing: write 0 for what is free. A name may end with <code>*</code>. Calls cost what held when they were made.
      </p>
      <Editor key={got.data.cid ?? "none"} now={got.data} />
      <details>
        <summary>The {got.data.listPrices.length} list prices, for models that are not above</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label="List prices">
          <table>
            <Head />
            <tbody>
              {got.data.listPrices.map((p) => (
                <tr key={`${p.provider} ${p.model}`}>
                  <td>{p.provider ?? "any"}</td>
                  <td>
                    <code>{p.model}</code>
                  </td>
                  {columns.map(([name]) => (
                    <td key={name} className="number">
                      {p[name] ?? <span className="faint">as input</span>}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function Head({ acts }: { acts?: boolean }) {
  return (
    <thead>
      <tr>
        <th scope="col">Provider</th>
        <th scope="col">Model</th>
        {columns.map(([name, text]) => (
          <th key={name} scope="col" className="number">
            {text}
          </th>
        ))}
        {acts && (
          <th scope="col">
            <span className="unseen">Actions</span>
          </th>
        )}
      </tr>
    </thead>
  );
}

function Editor({ now }: { now: Schemas["Prices"] }) {
  const queries = useQueryClient();
  const [rows, setRows] = useState(() => (now.prices ?? []).map(rowOf));
  const [next, setNext] = useState(rows.length);
  const save = useMutation({
    mutationFn: () => data(client.PUT("/v1/admin/prices", { body: { prices: rows.map(priceOf), ...(now.cid ? { expect_tip: now.cid } : {}) } })),
    onSuccess: (saved) => queries.setQueryData(["prices"], saved),
  });
  const add = () => {
    setRows([...rows, { at: next, provider: "", model: "", input: "", output: "", cachedInput: "", cacheWrite: "" }]);
    setNext(next + 1);
  };
  const change = (at: number, part: Partial<Row>) => setRows(rows.map((r) => (r.at === at ? { ...r, ...part } : r)));
  const late = save.error instanceof Problem && save.error.status === 409;
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate();
      }}
    >
      {rows.length === 0 && <p className="faint">None is set: list prices hold.</p>}
      {rows.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Prices that are set">
          <table className="pricetable">
            <Head acts />
            <tbody>
              {rows.map((r) => (
                <Line key={r.at} r={r} change={(part) => change(r.at, part)} drop={() => setRows(rows.filter((x) => x.at !== r.at))} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {save.error && <Failure error={save.error} />}
      {late && (
        <button type="button" onClick={() => void queries.invalidateQueries({ queryKey: ["prices"] })}>
          Drop my changes and load theirs
        </button>
      )}
      <p className="acts-row">
        <button type="button" className="plain" onClick={add}>
          Add a model
        </button>
        <button disabled={save.isPending}>Save all prices</button>
        {save.isSuccess && <span role="status">Saved.</span>}
        {now.updatedAt && (
          <span className="faint">
            Version {now.ver}, set <time title={moment(now.updatedAt)}>{ago(now.updatedAt)}</time>
          </span>
        )}
      </p>
    </form>
  );
}

function Line({ r, change, drop }: { r: Row; change: (part: Partial<Row>) => void; drop: () => void }) {
  const of = r.model || "the new model";
  return (
    <tr>
      <td>
        <select aria-label={`Provider of ${of}`} value={r.provider} onChange={(e) => change({ provider: e.target.value })}>
          {["", "openai", "anthropic", "gemini", "azure", "ollama"].map((p) => (
            <option key={p} value={p}>
              {p || "any"}
            </option>
          ))}
        </select>
      </td>
      <td>
        <input type="text" aria-label="Name of the model" value={r.model} required maxLength={200} onChange={(e) => change({ model: e.target.value })} />
      </td>
      {columns.map(([name, text]) => (
        <td key={name}>
          <input type="number" className="number" min={0} max={1_000_000} step="any" required={name === "input" || name === "output"} placeholder={name.startsWith("cache") ? "as input" : ""} aria-label={`${text} of ${of}`} value={r[name]} onChange={(e) => change({ [name]: e.target.value })} />
        </td>
      ))}
      <td>
        <button type="button" className="plain" aria-label={`Remove ${of}`} onClick={drop}>
          Remove
        </button>
      </td>
    </tr>
  );
}
