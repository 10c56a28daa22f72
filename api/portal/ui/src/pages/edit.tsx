import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef, useState } from "react";
import { Problem, type Entity } from "../lib/api";
import { colours } from "../lib/language";
import { nonce } from "../lib/nonce";
import { print, useSave, type Properties } from "../lib/save";
import { Failure } from "../parts/basics";

const extensions = [EditorView.cspNonce.of(nonce), lineNumbers(), history(), json(), colours, EditorView.lineWrapping];

// read is what an editor holds, or what is wrong with it.
function read(v: EditorView): Properties | string {
  const fault = jsonParseLinter()(v)[0];
  if (fault) return `${fault.message} (line ${v.state.doc.lineAt(fault.from).number})`;
  const properties: unknown = JSON.parse(v.state.doc.toString());
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return 'Properties are an object, like {"label": "…"}';
  return properties as Properties;
}

// Edit is the entity's properties as JSON. They are written only if nobody else
// wrote meanwhile; else both are shown, to be brought together.
export function Edit({ e }: { e: Entity }) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const [note, setNote] = useState("");
  const [wrong, setWrong] = useState("");
  const { save, other, mine, drop } = useSave(e);

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

  const submit = () => {
    const got = read(view.current!);
    setWrong(typeof got === "string" ? got : "");
    if (typeof got !== "string") save.mutate({ properties: got, note });
  };

  if (other) return <Conflict theirs={other} mine={mine} busy={save.isPending} error={save.error} onSave={(properties) => save.mutate({ properties, note })} onDrop={drop} />;
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
      <button type="button" id="save" disabled={save.isPending} onClick={submit}>
        Save as version {e.ver + 1}
      </button>
    </>
  );
}

type ConflictProps = { theirs: Entity; mine: Properties; busy: boolean; error: Error | null; onSave: (p: Properties) => void; onDrop: () => void };

// Conflict shows what is there now beside what was to be written.
export function Conflict({ theirs, mine, busy, error, onSave, onDrop }: ConflictProps) {
  const place = useRef<HTMLDivElement>(null);
  const merge = useRef<MergeView | null>(null);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    const m = new MergeView({
      parent: place.current!,
      a: { doc: print(theirs.properties), extensions: [...extensions, EditorState.readOnly.of(true), EditorView.contentAttributes.of({ "aria-label": "What is there now" })] },
      b: { doc: print(mine), extensions: [...extensions, EditorView.contentAttributes.of({ "aria-label": "What you wrote" })] },
      revertControls: "a-to-b",
    });
    merge.current = m;
    return () => m.destroy();
  }, [theirs, mine]);
  const submit = () => {
    const got = read(merge.current!.b);
    setWrong(typeof got === "string" ? got : "");
    if (typeof got !== "string") onSave(got);
  };
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
      {error && !(error instanceof Problem && error.status === 409) && <Failure error={error} />}
      <button type="button" disabled={busy} onClick={submit}>
        Save as version {theirs.ver + 1}
      </button>{" "}
      <button type="button" className="plain" onClick={onDrop}>
        Drop what I wrote
      </button>
    </section>
  );
}
