import { build } from "esbuild";
import assert from "node:assert/strict";
import { test } from "node:test";

const built = await build({ entryPoints: ["src/lib/markdown.ts"], write: false, format: "esm" });
const { read } = await import(`data:text/javascript,${encodeURIComponent(built.outputFiles[0].text)}`);

const text = (...of) => ({ kind: "text", of });

test("Markdown is read into a tree", () => {
  for (const [source, want] of [
    ["Plain\nand on", [text("Plain\nand on")]],
    ["## A `b` ##\ntext", [{ kind: "heading", level: 2, of: ["A ", { kind: "code", text: "b" }] }, text("text")]],
    ["**a *b* c** ~~d~~ _e_", [text({ kind: "strong", of: ["a ", { kind: "em", of: ["b"] }, " c"] }, " ", { kind: "del", of: ["d"] }, " ", { kind: "em", of: ["e"] })]],
    ["snake_case_name, 2 * 3 * 4, \\*not\\*", [text("snake_case_name, 2 * 3 * 4, ", "*", "not", "*")]],
    ["a  \nb", [text("a", { kind: "break" }, "b")]],
    ["[x](https://a.example/(b)) [1] [2]", [text({ kind: "link", href: "https://a.example/(b)", of: ["x"] }, " ", { kind: "cite", n: 1 }, " ", { kind: "cite", n: 2 })]],
    ["see https://a.example/b.", [text("see ", { kind: "link", href: "https://a.example/b", of: ["https://a.example/b"] }, ".")]],
    ["[x](javascript:alert(1)) [y](data:text/html,z) [z](//evil.example)", [text("[x](javascript:alert(1))", " ", "[y](data:text/html,z)", " ", "[z](//evil.example)")]],
    ["<b onclick=x>bold</b>", [text("<b onclick=x>bold</b>")]],
    ["- a\n  - b\n- c", [{ kind: "list", start: null, items: [[text("a"), { kind: "list", start: null, items: [[text("b")]] }], [text("c")]] }]],
    ["3. a\n\n4. b", [{ kind: "list", start: 3, items: [[text("a")], [text("b")]] }]],
    ["> a\n> - b", [{ kind: "quote", of: [text("a"), { kind: "list", start: null, items: [[text("b")]] }] }]],
    ["```go\nx := *y\n```\nz", [{ kind: "code", language: "go", text: "x := *y" }, text("z")]],
    ["```\nits end has not come", [{ kind: "code", language: "", text: "its end has not come" }]],
    ["|a|b|\n|--|:-:|\n|1|2|", [{ kind: "table", head: [["a"], ["b"]], rows: [[["1"], ["2"]]] }]],
    ["---", [{ kind: "rule" }]],
    ["", []],
  ])
    assert.deepEqual(read(source), want, source);
});

// What takes time by the square of the length takes a minute here.
test("no text takes long", () => {
  const n = 200_000;
  for (const piece of [" ", "*", "* ", "_a", "`", "`a", "[", "[a](", "(", "> ", "- ", "1. ", "http://", "~~a", "**a", "*a", "# ", " #", "\n", "|a", "|-", "---", "a\n", "- a\n\n", "> a\n\n", "```\n", "\\", "  \n"])
    for (const source of [piece.repeat(n / piece.length), `${piece.repeat(n / piece.length)}x`, `# ${piece.repeat(n / piece.length)}x`, `a|b\n${piece.repeat(n / piece.length)}x`]) {
      const began = performance.now();
      read(source);
      assert.ok(performance.now() - began < 30_000, `${JSON.stringify(piece)} takes ${performance.now() - began} ms`);
    }
});
