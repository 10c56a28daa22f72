import { lazy, Suspense, useId, useState, type FormEvent, type KeyboardEvent } from "react";
import type { Entity } from "../lib/api";
import { text } from "../lib/format";
import { useSave, type Properties } from "../lib/save";
import { Busy, Failure } from "../parts/basics";
import "./fields.css";

const Conflict = lazy(() => import("./edit").then((m) => ({ default: m.Conflict })));

const kinds = { text: "text", number: "number", truth: "yes or no", nothing: "nothing", json: "list or object" } as const;
type Kind = keyof typeof kinds;

// FieldRow is a property as a form has it. What is a list or an object is kept as it is.
export type FieldRow = { key: number; name: string; kind: Kind; text: string; fixed?: boolean; kept?: unknown };

let last = 0;
export const emptyRow = (name = ""): FieldRow => ({ key: ++last, name, kind: "text", text: "" });

function kindOf(v: unknown): Kind {
  if (v === null) return "nothing";
  return typeof v === "string" ? "text" : typeof v === "number" ? "number" : typeof v === "boolean" ? "truth" : "json";
}

// Those of a file's properties that go with its content; uploads set them.
const ofContent = new Set(["key", "size", "uploaded", "cid", "content_type"]);

export function rowsOf(e: Pick<Entity, "type" | "properties">): FieldRow[] {
  return Object.entries(e.properties).map(([name, v]) => {
    const kind = kindOf(v);
    return { key: ++last, name, kind, text: kind === "json" ? JSON.stringify(v) : kind === "nothing" ? "" : text(v), kept: v, fixed: kind === "json" || (e.type === "file" && ofContent.has(name)) };
  });
}

const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function valueOf(r: FieldRow): unknown {
  switch (r.kind) {
    case "number":
      return typeof r.kept === "number" && text(r.kept) === r.text.trim() ? r.kept : Number(r.text.trim());
    case "truth":
      return r.text === "true";
    case "nothing":
      return null;
    case "json":
      return r.kept;
    default:
      return r.text;
  }
}

// read makes properties of rows, or says by row what is wrong with them.
export function readRows(rows: FieldRow[]): { properties: Properties; wrong: Map<number, string> } {
  const properties: Properties = {};
  const wrong = new Map<number, string>();
  for (const r of rows) {
    const name = r.name.trim();
    if (!name) wrong.set(r.key, "It needs a name, like year");
    else if (Object.hasOwn(properties, name)) wrong.set(r.key, `There is another property ${name}`);
    else if (r.kind === "number" && !number.test(r.text.trim())) wrong.set(r.key, "A number is like 12, -3.5 or 1e6");
    else properties[name] = r.fixed ? r.kept : valueOf(r);
  }
  return { properties, wrong };
}

type RowsProps = { rows: FieldRow[]; wrong: Map<number, string>; onRows: (rows: FieldRow[]) => void };

// Rows are properties to be edited.
export function Rows({ rows, wrong, onRows }: RowsProps) {
  const change = (key: number, to: Partial<FieldRow>) => onRows(rows.map((r) => (r.key === key ? { ...r, ...to } : r)));
  return (
    <>
      {rows.map((r) => (
        <Row key={r.key} row={r} wrong={wrong.get(r.key)} onChange={(to) => change(r.key, to)} onRemove={() => onRows(rows.filter((x) => x.key !== r.key))} />
      ))}
      <p>
        <button type="button" className="plain" onClick={() => onRows([...rows, emptyRow()])}>
          + Another property
        </button>
      </p>
    </>
  );
}

function Row({ row: r, wrong, onChange, onRemove }: { row: FieldRow; wrong?: string; onChange: (to: Partial<FieldRow>) => void; onRemove: () => void }) {
  const id = useId();
  const isNew = r.kept === undefined;
  const called = r.name || "the new property";
  return (
    <div className="prop" role="group" aria-label={called}>
      {isNew ? <input aria-label="Name of the property" placeholder="name" value={r.name} maxLength={200} autoFocus={!r.name} onChange={(e) => onChange({ name: e.target.value })} /> : r.fixed ? <span className="prop-name">{r.name}</span> : <label htmlFor={id}>{r.name}</label>}
      {!r.fixed && (
        <select aria-label={`Kind of ${called}`} value={r.kind} onChange={(e) => onChange({ kind: e.target.value as Kind, text: e.target.value === "truth" ? String(r.text === "true") : r.text })}>
          {(["text", "number", "truth", "nothing"] as const).map((k) => (
            <option key={k} value={k}>
              {kinds[k]}
            </option>
          ))}
        </select>
      )}
      <span className={r.fixed ? "prop-value wide" : "prop-value"}>
        {r.fixed ? (
          <span className="faint">
            <code>{r.text.length > 120 ? `${r.text.slice(0, 120)}…` : r.text}</code> {r.kind === "json" ? "The JSON tab edits it." : "Uploads set it."}
          </span>
        ) : (
          <Value id={id} row={r} wrong={wrong} onText={(t) => onChange({ text: t })} />
        )}
      </span>
      {!(r.fixed && r.kind !== "json") && (
        <button type="button" className="plain" aria-label={`Remove ${called}`} onClick={onRemove}>
          Remove
        </button>
      )}
      {wrong && (
        <small className="prop-wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </small>
      )}
    </div>
  );
}

function Value({ id, row: r, wrong, onText }: { id: string; row: FieldRow; wrong?: string; onText: (t: string) => void }) {
  const shared = { id, "aria-label": `Value of ${r.name || "the new property"}`, "aria-invalid": Boolean(wrong), "aria-describedby": wrong ? `${id}-wrong` : undefined };
  if (r.kind === "nothing") return <span className="faint">nothing</span>;
  if (r.kind === "truth")
    return (
      <select {...shared} value={r.text} onChange={(e) => onText(e.target.value)}>
        <option value="true">yes</option>
        <option value="false">no</option>
      </select>
    );
  if (r.kind === "text" && (r.text.length > 60 || r.text.includes("\n"))) return <textarea {...shared} rows={Math.min(12, 2 + r.text.length / 80)} value={r.text} onChange={(e) => onText(e.target.value)} />;
  return <input {...shared} inputMode={r.kind === "number" ? "decimal" : undefined} value={r.text} onChange={(e) => onText(e.target.value)} />;
}

// submitByKeys lets Ctrl Enter save from any field.
export function submitByKeys(e: KeyboardEvent<HTMLFormElement>) {
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit();
}

// Fields edits an entity's properties in a form, each as the kind of value that it
// is. Who is late sees both sides, as in the JSON editor.
export function Fields({ e, onClose }: { e: Entity; onClose: () => void }) {
  const [rows, setRows] = useState(() => rowsOf(e));
  const [note, setNote] = useState("");
  const [wrong, setWrong] = useState(new Map<number, string>());
  const { save, other, mine, drop } = useSave(e);
  const submit = (ev: FormEvent) => {
    ev.preventDefault();
    const got = readRows(rows);
    setWrong(got.wrong);
    if (got.wrong.size === 0) save.mutate({ properties: got.properties, note }, { onSuccess: onClose });
  };
  if (other)
    return (
      <Suspense fallback={<Busy what="Both sides" />}>
        <Conflict theirs={other} mine={mine} busy={save.isPending} error={save.error} onSave={(properties) => save.mutate({ properties, note }, { onSuccess: onClose })} onDrop={() => (drop(), onClose())} />
      </Suspense>
    );
  return (
    <form onSubmit={submit} onKeyDown={submitByKeys} aria-label="Properties">
      <Rows rows={rows} wrong={wrong} onRows={setRows} />
      <p className="field">
        <label htmlFor="fields-note">What this change is</label>
        <input id="fields-note" value={note} maxLength={500} onChange={(ev) => setNote(ev.target.value)} />
      </p>
      {save.error && <Failure error={save.error} />}
      <button disabled={save.isPending}>Save as version {e.ver + 1}</button>{" "}
      <button type="button" className="plain" onClick={onClose}>
        Leave it as it is
      </button>
    </form>
  );
}
