// As much of Markdown as answers of models use, read into a tree. There is no HTML
// in it: what looks like HTML is text. Links lead to http, https and mailto alone.

export type Inline = string | { kind: "code"; text: string } | { kind: "strong" | "em" | "del"; of: Inline[] } | { kind: "link"; href: string; of: Inline[] } | { kind: "cite"; n: number } | { kind: "break" };
export type Block =
  | { kind: "heading"; level: number; of: Inline[] }
  | { kind: "text"; of: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; of: Block[] }
  | { kind: "list"; start: number | null; items: Block[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/;
const heading = /^ {0,3}(#{1,6})\s+(.*)$/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const quote = /^ {0,3}> ?/;
const item = /^( {0,6})([-*+]|\d{1,9}[.)])(\s+)(?=\S)/;

const deepest = 8; // beyond it everything is text

// read reads a text, also one whose end has not come yet.
export function read(text: string, depth = 0): Block[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const out: Block[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    const open = fence.exec(line);
    const title = heading.exec(line);
    if (!line.trim()) {
      i++;
    } else if (open) {
      let end = i + 1;
      while (end < lines.length && !lines[end]!.trim().startsWith(open[1]!)) end++;
      out.push({ kind: "code", language: open[2]!, text: lines.slice(i + 1, end).join("\n") });
      i = end + 1;
    } else if (title) {
      out.push({ kind: "heading", level: title[1]!.length, of: inline(title[2]!.trim().replace(/\s#+$/, "")) });
      i++;
    } else if (rule.test(line)) {
      out.push({ kind: "rule" });
      i++;
    } else if (quote.test(line) && depth < deepest) {
      const end = until(lines, i, (l) => !l.trim());
      const inner = lines.slice(i, end).map((l) => l.replace(quote, ""));
      out.push({ kind: "quote", of: read(inner.join("\n"), depth + 1) });
      i = end;
    } else if (item.test(line) && depth < deepest) {
      i = list(lines, i, out, depth);
    } else if (line.includes("|") && isTable(lines[i + 1] ?? "")) {
      const end = until(lines, i + 2, (l) => !l.includes("|"));
      out.push({ kind: "table", head: cells(line), rows: lines.slice(i + 2, end).map(cells) });
      i = end;
    } else {
      const end = until(lines, i + 1, (l) => !l.trim() || fence.test(l) || heading.test(l) || (depth < deepest && (quote.test(l) || item.test(l))));
      out.push({ kind: "text", of: inline(lines.slice(i, end).join("\n")) });
      i = end;
    }
  }
  return out;
}

// isTable tells whether a line stands between the head of a table and its rows.
function isTable(line: string): boolean {
  const cells = line.trim().replace(/^\||\|$/g, "").split("|");
  return line.includes("|") && cells.every((c) => /^:?-+:?$/.test(c.trim()));
}

function until(lines: string[], from: number, over: (line: string) => boolean): number {
  let end = from;
  while (end < lines.length && !over(lines[end]!)) end++;
  return end;
}

// list reads the items from a line on, and gives the line behind them.
function list(lines: string[], from: number, out: Block[], depth: number): number {
  const first = item.exec(lines[from]!)!;
  const numbered = /\d/.test(first[2]!);
  const items: Block[][] = [];
  let i = from;
  for (let m = item.exec(lines[i] ?? ""); m && /\d/.test(m[2]!) === numbered && m[1]!.length <= first[1]!.length + 1; m = item.exec(lines[i] ?? "")) {
    const indent = m[0].length;
    const own = [lines[i]!.slice(indent)];
    for (i++; i < lines.length; i++) {
      const line = lines[i]!;
      const inside = line.search(/\S/) >= Math.min(indent, m[1]!.length + 2);
      if (!line.trim() ? !/^\s{2,}\S/.test(lines[i + 1] ?? "") : !inside && (item.test(line) || fence.test(line) || heading.test(line) || !lines[i - 1]!.trim())) break;
      own.push(inside ? line.slice(Math.min(indent, line.search(/\S/))) : line.trim());
    }
    items.push(read(own.join("\n"), depth + 1));
    while (i < lines.length && !lines[i]!.trim() && item.test(lines[i + 1] ?? "")) i++; // a blank line between items
  }
  out.push({ kind: "list", start: numbered ? parseInt(first[2]!, 10) : null, items });
  return i;
}

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((c) => inline(c.trim()));
}

// What stands in a line: code, a link, an address, a citation like [1], emphasis,
// an escaped character, the end of a line. Their lengths are bounded, so that no
// text takes long.
const marks =
  /(`{1,3})((?:[^`\n]|(?!\1)`){1,2000})\1|\[([^\][\n]{1,300})\]\(((?:[^()\s]|\([^()\s]{0,200}\)){1,2000})\)|(https?:\/\/[^\s<>()[\]"'`]{1,2000}[^\s<>()[\]"'`.,;:!?*_])|\[(\d{1,2})\]|\*\*([^\n]{1,1000}?)\*\*|~~([^\n]{1,1000}?)~~|\*([^\s*](?:[^*\n]{0,1000}[^\s*])?)\*|(?<!\w)_([^\s_](?:[^_\n]{0,1000}[^\s_])?)_(?!\w)|\\([!-/:-@[-`{-~])|((?<! ) {2,}\n)/g;

export function inline(text: string, depth = 0): Inline[] {
  if (depth > deepest) return [text];
  const out: Inline[] = [];
  let at = 0;
  for (const m of text.matchAll(marks)) {
    if (m.index > at) out.push(text.slice(at, m.index));
    at = m.index + m[0].length;
    const within = (s: string) => inline(s, depth + 1);
    if (m[2] !== undefined) out.push({ kind: "code", text: m[2] });
    else if (m[4] !== undefined) out.push(safe(m[4]) ? { kind: "link", href: m[4], of: within(m[3]!) } : m[0]);
    else if (m[5] !== undefined) out.push({ kind: "link", href: m[5], of: [m[5]] });
    else if (m[6] !== undefined) out.push({ kind: "cite", n: Number(m[6]) });
    else if (m[7] !== undefined) out.push({ kind: "strong", of: within(m[7]) });
    else if (m[8] !== undefined) out.push({ kind: "del", of: within(m[8]) });
    else if (m[9] !== undefined || m[10] !== undefined) out.push({ kind: "em", of: within((m[9] ?? m[10])!) });
    else if (m[11] !== undefined) out.push(m[11]);
    else out.push({ kind: "break" });
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

function safe(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href);
}
