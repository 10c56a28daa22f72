// Values as people read them.

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function ago(when: string | number, now = Date.now()): string {
  const seconds = (new Date(when).getTime() - now) / 1000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(seconds / size), unit);
  }
  return "now";
}

export function moment(when: string | number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(when));
}

export function short(id: string, keep = 8): string {
  return id.length <= keep + 4 ? id : `…${id.slice(-keep)}`;
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function labelOf(e: { id: string; properties?: Record<string, unknown> }): string {
  for (const name of ["label", "name", "title", "filename"]) {
    const value = e.properties?.[name];
    if (typeof value === "string" && value) return value;
  }
  return e.id;
}

// bytes as people read them, in powers of 1000.
export function bytes(n: number): string {
  const names = [n === 1 ? "byte" : "bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  for (; n >= 1000 && at < names.length - 1; at++) n /= 1000;
  return `${at === 0 ? n : n.toPrecision(3)} ${names[at]}`;
}

export function count(n: number): string {
  return n.toLocaleString();
}

// dollars of a cost, null where a model had no price.
export function dollars(n: number | null | undefined): string {
  if (n === null || n === undefined) return "unknown";
  return `$${n.toLocaleString(undefined, n < 1 ? { maximumSignificantDigits: 3 } : { minimumFractionDigits: Number.isInteger(n) ? 0 : 2, maximumFractionDigits: 2 })}`;
}

// took is how long something was under way, in ms.
export function took(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
