// The path language, as much of it as the editor has to know: the server reads it.
import { snippetCompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const words = StreamLanguage.define<{ inHop: boolean }>({
  startState: () => ({ inHop: false }),
  token(s, state) {
    if (s.eatSpace()) return null;
    if (s.match(/^"(?:\\.|[^"\\])*"?|^'(?:\\.|[^'\\])*'?/)) return "string";
    if (s.match(/^@:?[A-Za-z0-9_]+/)) return "atom";
    if (s.match(/^(<-|->|-)\[?/) || s.match(/^\]-?>?/)) {
      state.inHop = s.current().endsWith("[");
      return "operator";
    }
    if (s.match(/^!?type:/) || s.match(/^\|\s*(limit|count)/)) return "keyword";
    if (s.match(/^\{\d*,?\d*\}/) || s.match(/^-?\d+(\.\d+)?/)) return "number";
    if (s.match(/^[A-Za-z_][A-Za-z0-9_]*/)) return state.inHop ? "propertyName" : "variableName";
    s.next();
    return null;
  },
});

// colours are those of the page, in either of its themes.
export const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.string, class: "q-string" },
    { tag: tags.keyword, class: "q-keyword" },
    { tag: tags.operator, class: "q-operator" },
    { tag: [tags.atom, tags.bool, tags.null], class: "q-atom" },
    { tag: tags.number, class: "q-number" },
    { tag: tags.propertyName, class: "q-relation" },
  ]),
);

export const language = [words, colours];

const forms = [
  snippetCompletion("type:${name}", { label: "type:", detail: "entities of a type" }),
  snippetCompletion('@:discover "${text}"', { label: "@:discover", detail: "what is like a text" }),
  snippetCompletion('@:collection(${id}) "${text}"', { label: "@:collection", detail: "the same, in one collection" }),
  snippetCompletion("-[${relation}]-> ${type:name}", { label: "-[", detail: "along relationships that they hold" }),
  snippetCompletion("<-[${relation}]- ${type:name}", { label: "<-[", detail: "along relationships to them" }),
  snippetCompletion("[${property} = ${value}]", { label: "[", detail: "with these properties" }),
  snippetCompletion("| limit ${100}", { label: "| limit", detail: "at most so many" }),
  snippetCompletion("| count", { label: "| count", detail: "how many there are" }),
];

// completions offers the forms of the language, and the words that are in use:
// types and relations that were seen in results before.
export function completions(seen: () => { types: Iterable<string>; relations: Iterable<string> }) {
  return (c: CompletionContext): CompletionResult | null => {
    const hop = c.matchBefore(/-\[[=~!]?[A-Za-z0-9_]*$/);
    if (hop) {
      const from = hop.from + hop.text.search(/[A-Za-z0-9_]*$/);
      return { from, options: [...seen().relations].map((label) => ({ label, type: "property" })) };
    }
    const type = c.matchBefore(/type:[A-Za-z0-9_]*$/);
    if (type) return { from: type.from + 5, options: [...seen().types].map((label) => ({ label, type: "type" })) };
    const begun = c.matchBefore(/[@|\-<[A-Za-z:]+\s?[A-Za-z]*$/);
    if (!begun && !c.explicit) return null;
    return { from: begun?.from ?? c.pos, options: forms };
  };
}
