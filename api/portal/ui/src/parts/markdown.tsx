import { Fragment, memo, useMemo, type ReactNode } from "react";
import { read, type Block, type Inline } from "../lib/markdown";

type Cite = (n: number) => ReactNode;

// Markdown shows a text that somebody else wrote: no HTML, no pictures, and links
// that say nothing of this page. cite is what a citation like [1] becomes.
export const Markdown = memo(function Markdown({ text, cite }: { text: string; cite?: Cite }) {
  const blocks = useMemo(() => read(text), [text]);
  return <div className="markdown">{blocks.map((b, i) => draw(b, i, cite))}</div>;
});

function draw(b: Block, key: number, cite?: Cite): ReactNode {
  const line = (of: Inline[]) => of.map((x, i) => span(x, i, cite));
  switch (b.kind) {
    case "heading": {
      const Heading = `h${Math.min(b.level + 2, 6)}` as "h3";
      return <Heading key={key}>{line(b.of)}</Heading>;
    }
    case "text":
      return <p key={key}>{line(b.of)}</p>;
    case "code":
      return (
        <pre key={key} tabIndex={0} aria-label={b.language ? `Code, ${b.language}` : "Code"} role="region">
          <code>{b.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{b.of.map((x, i) => draw(x, i, cite))}</blockquote>;
    case "list": {
      const items = b.items.map((x, i) => <li key={i}>{tight(x) ? line(tight(x)!) : x.map((y, j) => (j === 0 && y.kind === "text" ? <Fragment key={j}>{line(y.of)}</Fragment> : draw(y, j, cite)))}</li>);
      return b.start === null ? <ul key={key}>{items}</ul> : <ol key={key} start={b.start}>{items}</ol>;
    }
    case "table":
      return (
        <div key={key} className="scroll" tabIndex={0} role="region" aria-label="Table">
          <table>
            <thead>
              <tr>
                {b.head.map((c, i) => (
                  <th key={i} scope="col">
                    {line(c)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {b.rows.map((r, i) => (
                <tr key={i}>
                  {r.map((c, j) => (
                    <td key={j}>{line(c)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr key={key} />;
  }
}

// tight is the line of an item that has nothing but one.
function tight(of: Block[]): Inline[] | null {
  const [only] = of;
  return of.length === 1 && only?.kind === "text" ? only.of : null;
}

function span(x: Inline, key: number, cite?: Cite): ReactNode {
  if (typeof x === "string") return x;
  const of = "of" in x ? x.of.map((y, i) => span(y, i, cite)) : null;
  switch (x.kind) {
    case "code":
      return <code key={key}>{x.text}</code>;
    case "strong":
      return <strong key={key}>{of}</strong>;
    case "em":
      return <em key={key}>{of}</em>;
    case "del":
      return <s key={key}>{of}</s>;
    case "link":
      return (
        <a key={key} href={x.href} target="_blank" rel="noopener noreferrer nofollow">
          {of}
        </a>
      );
    case "cite":
      return <Fragment key={key}>{cite?.(x.n) ?? `[${x.n}]`}</Fragment>;
    case "break":
      return <br key={key} />;
  }
}
