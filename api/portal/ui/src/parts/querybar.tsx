import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap, placeholder, type DecorationSet } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { completions, language } from "../lib/language";
import { nonce } from "../lib/nonce";

const setFault = StateEffect.define<number | null>();

// fault underlines the character that the server could not go on from.
const fault = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, tr) {
    for (const e of tr.effects) {
      if (!e.is(setFault)) continue;
      const length = tr.state.doc.length;
      if (e.value === null || length === 0) return Decoration.none;
      const from = Math.min(e.value, length - 1);
      return Decoration.set([Decoration.mark({ class: "fault" }).range(from, from + 1)]);
    }
    return tr.docChanged ? Decoration.none : marks;
  },
  provide: (f) => EditorView.decorations.from(f),
});

type Props = { value: string; position: number | null; onRun: (query: string) => void; seen: () => { types: Iterable<string>; relations: Iterable<string> } };

// QueryBar is a line in which a query is written.
export function QueryBar({ value, position, onRun, seen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const run = useRef(onRun);
  run.current = onRun;

  useEffect(() => {
    const ask = (v: EditorView) => {
      run.current(v.state.doc.toString());
      return true;
    };
    const v = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          keymap.of([{ key: "Mod-Enter", run: ask }, ...completionKeymap, { key: "Enter", run: ask }, ...historyKeymap, ...defaultKeymap]),
          history(),
          closeBrackets(),
          autocompletion({ override: [completions(seen)], icons: false }),
          placeholder('type:person -[wrote]-> type:letter   or just words'),
          EditorView.contentAttributes.of({ "aria-label": "Query", spellcheck: "false" }),
          EditorView.lineWrapping,
          language,
          fault,
        ],
      }),
    });
    view.current = v;
    v.focus();
    return () => v.destroy();
    // The editor is made once; what changes from outside is told to it below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    const v = view.current;
    if (v && v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => view.current?.dispatch({ effects: setFault.of(position) }), [position]);

  return (
    <div className="query">
      <div ref={place} className="query-editor" />
      <button type="button" onClick={() => run.current(view.current!.state.doc.toString())}>
        Ask
      </button>
    </div>
  );
}
