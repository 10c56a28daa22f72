import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { client, data, Problem, type Entity } from "../lib/api";
import { colours } from "../lib/language";
import { nonce } from "../lib/nonce";
import { Failure } from "../parts/basics";
import { entityQuery } from "./entity";

const extensions = [EditorView.cspNonce.of(nonce), lineNumbers(), history(), json(), colours, EditorView.lineWrapping];
const print = (p: unknown) => JSON.stringify(p ?? {}, null, 2);

type Edited = { properties: Record<string, unknown>; note: string };

// changes are the edits that make one set of properties of another.
function changes(was: Record<string, unknown>, is: Record<string, unknown>) {
  const set: Record<string, unknown> = {};
  for (const [name, v] of Object.entries(is)) if (print(v) !== print(was[name])) set[name] = v;
  return { set, removed: Object.keys(was).filter((name) => !(name in is)) };
}

// Edit is the entity's properties as JSON. They are written only if nobody else
// wrote meanwhile; else both are shown, to be brought together.
export function Edit({ e }: { e: Entity }) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const [note, setNote] = useState("");
  const [wrong, setWrong] = useState("");
  const [other, setOther] = useState<Entity | null>(null);
  const [mine, setMine] = useState("");
  const queries = useQueryClient();

  useEffect(() => {
    const v = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: print(e.properties),
        extensions: [
          ...extensions,
          EditorView.contentAttributes.of({ "aria-label": "Properties as JSON" }),
          keymap.of([{ key: "Mod-Enter", run: () => (document.getElementById("save")?.click(), true) }, ...historyKeymap, ...defaultKeymap]),
        ],
      }),
    });
    view.current = v;
    return () => v.destroy();
  }, [e]);

  const save = useMutation({
    mutationFn: async ({ properties, note }: Edited) => {
      const base = other ?? e;
      const { set, removed } = changes((base.properties ?? {}) as Record<string, unknown>, properties);
      return data(
        client.PUT("/entities/{id}", {
          params: { path: { id: e.id } },
          body: { expect_tip: base.cid, properties: set, ...(removed.length ? { properties_remove: removed as never } : {}), ...(note ? { note } : {}) } as never,
        }),
      );
    },
    onSuccess: () => {
      setOther(null);
      void queries.invalidateQueries({ queryKey: ["entity", e.id] });
    },
    onError: async (error) => {
      if (!(error instanceof Problem) || error.status !== 409) return;
      setMine(view.current?.state.doc.toString() ?? "");
      setOther(await queries.fetchQuery({ ...entityQuery(e.id), queryKey: ["entity", e.id, "now"], staleTime: 0 }));
    },
  });

  const read = (source: EditorView | null) => {
    const v = source ?? view.current!;
    const fault = jsonParseLinter()(v)[0];
    if (fault) return setWrong(`${fault.message} (line ${v.state.doc.lineAt(fault.from).number})`);
    const properties: unknown = JSON.parse(v.state.doc.toString());
    if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return setWrong("Properties are an object, like {\"label\": \"…\"}");
    setWrong("");
    save.mutate({ properties: properties as Record<string, unknown>, note });
  };

  if (other) return <Conflict theirs={other} mine={mine} busy={save.isPending} wrong={wrong} onSave={read} onDrop={() => void queries.invalidateQueries({ queryKey: ["entity", e.id] }).then(() => setOther(null))} />;
  return (
    <>
      <div ref={place} className="code-editor" />
      <p className="field">
        <label htmlFor="note">What this change is</label>
        <input id="note" value={note} maxLength={500} onChange={(ev) => setNote(ev.target.value)} />
      </p>
      {wrong && (
        <p className="failure" role="alert">
          {wrong}
        </p>
      )}
      {save.error && <Failure error={save.error} />}
      <button type="button" id="save" disabled={save.isPending} onClick={() => read(null)}>
        Save as version {e.ver + 1}
      </button>
    </>
  );
}

type ConflictProps = { theirs: Entity; mine: string; busy: boolean; wrong: string; onSave: (v: EditorView) => void; onDrop: () => void };

function Conflict({ theirs, mine, busy, wrong, onSave, onDrop }: ConflictProps) {
  const place = useRef<HTMLDivElement>(null);
  const merge = useRef<MergeView | null>(null);
  useEffect(() => {
    const m = new MergeView({
      parent: place.current!,
      a: { doc: print(theirs.properties), extensions: [...extensions, EditorState.readOnly.of(true), EditorView.contentAttributes.of({ "aria-label": "What is there now" })] },
      b: { doc: mine, extensions: [...extensions, EditorView.contentAttributes.of({ "aria-label": "What you wrote" })] },
      revertControls: "a-to-b",
    });
    merge.current = m;
    return () => m.destroy();
  }, [theirs, mine]);
  return (
    <section aria-labelledby="conflict">
      <h2 id="conflict">Somebody else changed it while you were writing</h2>
      <p>
        On the left is what is there now, version {theirs.ver}; on the right what you wrote. Take over what you want to keep of theirs, then save yours on top.
      </p>
      <div ref={place} className="code-editor" />
      {wrong && (
        <p className="failure" role="alert">
          {wrong}
        </p>
      )}
      <button type="button" disabled={busy} onClick={() => onSave(merge.current!.b)}>
        Save as version {theirs.ver + 1}
      </button>{" "}
      <button type="button" className="plain" onClick={onDrop}>
        Drop what I wrote
      </button>
    </section>
  );
}
