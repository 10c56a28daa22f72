// Who is signed in: a token of the portal, or a key. It is kept by this browser
// alone, and goes nowhere but into the Authorization header.

// provided is for who signed in by a provider, and has no password here.
export type Session = { credential: string; kind: "token" | "key"; user: string; email?: string; provided?: boolean; tenant?: { id: string; name: string } };

const place = "stemma.session";
const listeners = new Set<() => void>();
let current: Session | null = read();

function read(): Session | null {
  try {
    const text = localStorage.getItem(place);
    return text ? (JSON.parse(text) as Session) : null;
  } catch {
    return null;
  }
}

export function session(): Session | null {
  return current;
}

export function setSession(next: Session | null) {
  current = next;
  if (next) localStorage.setItem(place, JSON.stringify(next));
  else localStorage.removeItem(place);
  listeners.forEach((tell) => tell());
}

export function onSession(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

// Another tab signed in or out.
window.addEventListener("storage", (e) => {
  if (e.key !== place) return;
  current = read();
  listeners.forEach((tell) => tell());
});

export function authorization(s: Session | null): string | undefined {
  if (!s) return undefined;
  return s.kind === "key" ? `ApiKey ${s.credential}` : `Bearer ${s.credential}`;
}
