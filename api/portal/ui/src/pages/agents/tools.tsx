import { useId, useState } from "react";
import { Area, Field } from "./fields";

export type Tool = Record<string, unknown>;
type Props = { value: Tool[]; onChange: (value: Tool[]) => void };

type Function = { name?: unknown; description?: unknown; parameters?: unknown };

// functionOf is what a tool says of itself: under function, as OpenAI has it, or
// at the top.
function functionOf(t: Tool): Function {
  return (typeof t.function === "object" && t.function ? t.function : t) as Function;
}

const text = (v: unknown) => (typeof v === "string" ? v : "");

// parsed reads what was typed as parameters; text that is no JSON stays text.
function parsed(parameters: unknown): unknown {
  if (typeof parameters !== "string") return parameters;
  if (!parameters.trim()) return undefined;
  try {
    return JSON.parse(parameters) as unknown;
  } catch {
    return parameters;
  }
}

function withFunction(t: Tool, part: Function): Tool {
  return typeof t.function === "object" && t.function ? { ...t, function: { ...t.function, ...part } } : { ...t, ...part };
}

// ready are tools as they are sent.
export function ready(skills: Tool[]): Tool[] {
  return skills.map((t) => withFunction(t, { parameters: parsed(functionOf(t).parameters) }));
}

// toolFault is what is wrong with tools; "" for nothing. The server looks too.
export function toolFault(skills: Tool[], endpoints: Tool[]): string {
  if (skills.some((s) => !text(functionOf(s).name))) return "Each tool needs a name";
  const bad = skills.find((s) => typeof parsed(functionOf(s).parameters) === "string");
  if (bad) return `The parameters of ${text(functionOf(bad).name)} are not JSON`;
  if (endpoints.some((e) => !text(e.name) || !text(e.url))) return "Each server of tools needs a name and an address";
  return "";
}

// Skills are tools in OpenAI's form. What else a tool has stays as it is.
export function Skills({ value, onChange }: Props) {
  const id = useId();
  const set = (i: number, part: Function) => onChange(value.map((t, j) => (i === j ? withFunction(t, part) : t)));
  return (
    <fieldset aria-labelledby={id}>
      <h3 id={id}>Tools that the client calls</h3>
      {value.length === 0 && <p className="faint">None.</p>}
      {value.map((t, i) => (
        <Skill key={i} of={functionOf(t)} onSet={(part) => set(i, part)} onRemove={() => onChange(value.filter((_, j) => j !== i))} />
      ))}
      <button type="button" className="quiet" onClick={() => onChange([...value, { type: "function", function: { name: "", description: "", parameters: { type: "object", properties: {} } } }])}>
        Add a tool
      </button>
    </fieldset>
  );
}

function Skill({ of, onSet, onRemove }: { of: Function; onSet: (part: Function) => void; onRemove: () => void }) {
  const name = text(of.name);
  const [fresh] = useState(!name);
  const json = typeof of.parameters === "string" ? of.parameters : of.parameters === undefined ? "" : JSON.stringify(of.parameters, null, 2);
  const fault = typeof parsed(of.parameters) === "string";
  return (
    <details className="tool" open={fresh || undefined}>
      <summary>
        <code>{name || "a new tool"}</code> <span className="faint">{text(of.description)}</span>
      </summary>
      <Field label="Name" value={name} pattern="[A-Za-z0-9_\-]{1,64}" hint="Letters, digits, _ and -" onChange={(name) => onSet({ name })} />
      <Field label="What it does" value={text(of.description)} hint="The model reads this" onChange={(description) => onSet({ description })} />
      <Area label="Parameters" className="code" rows={6} spellCheck={false} value={json} hint={fault ? "This is not JSON yet" : "As JSON Schema"} onChange={(parameters) => onSet({ parameters })} onBlur={() => onSet({ parameters: parsed(of.parameters) })} />
      <button type="button" className="quiet" onClick={onRemove}>
        Remove {name || "it"}
      </button>
    </details>
  );
}

// Endpoints are MCP servers. What else one has stays as it is.
export function Endpoints({ value, onChange }: Props) {
  const id = useId();
  const set = (i: number, part: Tool) => onChange(value.map((e, j) => (i === j ? { ...e, ...part } : e)));
  return (
    <fieldset aria-labelledby={id}>
      <h3 id={id}>Servers of tools (MCP)</h3>
      {value.length === 0 && <p className="faint">None.</p>}
      {value.map((e, i) => (
        <div key={i} className="endpoint">
          <Field label="Name of the server" value={text(e.name)} onChange={(name) => set(i, { name })} />
          <Field label="Address" type="url" value={text(e.url)} placeholder="https://tools.example.com/mcp" onChange={(url) => set(i, { url })} />
          <button type="button" className="quiet" onClick={() => onChange(value.filter((_, j) => j !== i))}>
            Remove {text(e.name) || "it"}
          </button>
        </div>
      ))}
      <button type="button" className="quiet" onClick={() => onChange([...value, { name: "", url: "" }])}>
        Add a server
      </button>
    </fieldset>
  );
}
