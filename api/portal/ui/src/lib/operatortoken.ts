// The token of who runs the server, beside the session.
import { onSession, session } from "./session";

const place = "stemma.operator";
const listeners = new Set<() => void>();

export function operatorToken(): string | null {
  return sessionStorage.getItem(place);
}

export function setOperatorToken(next: string | null) {
  if (next) sessionStorage.setItem(place, next);
  else sessionStorage.removeItem(place);
  listeners.forEach((tell) => tell());
}

export function onOperator(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

// Who signs out is nobody here either.
onSession(() => {
  if (!session() && operatorToken()) setOperatorToken(null);
});
