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

const sizes = ["bytes", "KB", "MB", "GB", "TB"];

export function bytes(n: number): string {
  let unit = 0;
  let value = n;
  for (; value >= 1000 && unit < sizes.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${value === 1 && unit === 0 ? "byte" : sizes[unit]}`;
}
