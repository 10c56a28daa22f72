import { Link } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { Problem } from "../lib/api";

// useTitle names the page in the browser's tab.
export function useTitle(title: string) {
  useEffect(() => {
    document.title = title ? `${title} · Stemma` : "Stemma";
  }, [title]);
}

export function Busy({ what }: { what: string }) {
  return (
    <p className="busy" role="status">
      <span className="spinner" aria-hidden /> {what}
    </p>
  );
}

const remedies: Record<number, string> = {
  403: "Somebody who manages it can give you a role there.",
  404: "It may have been deleted, or you may not be allowed to see it.",
  409: "Somebody else changed it meanwhile. Load it again and repeat your change.",
  429: "Wait a moment, then try again.",
  503: "A part of the server is not ready. Try again in a moment.",
};

// Failure says what went wrong and what can be done.
export function Failure({ error: thrown, retry }: { error: unknown; retry?: () => void }) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const remedy = error instanceof Problem ? remedies[error.status] : "The server cannot be reached. Check that it runs, then try again.";
  const issues = error instanceof Problem && Array.isArray(error.details.issues) ? (error.details.issues as { path?: (string | number)[]; message: string }[]).filter((i) => i.message !== error.message) : [];
  return (
    <div className="failure" role="alert">
      <p>
        <strong>{error.message}</strong>
      </p>
      {issues.length > 0 && (
        <ul>
          {issues.map((i) => (
            <li key={`${i.path?.join(".")} ${i.message}`}>
              <code>{i.path?.join(".")}</code> {i.message}
            </li>
          ))}
        </ul>
      )}
      {remedy && <p>{remedy}</p>}
      {error instanceof Problem && error.requestId && <p className="faint">Request {error.requestId}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Missing() {
  useTitle("Not found");
  return (
    <main className="alone">
      <h1>There is no such page</h1>
      <p>
        <Link to="/">Go home</Link>, or press <kbd>Ctrl</kbd> <kbd>K</kbd> anywhere to find things.
      </p>
    </main>
  );
}

export function Type({ name }: { name: string }) {
  return <span className="type">{name}</span>;
}

export function EntityLink({ id, label, type }: { id: string; label?: string; type?: string }) {
  return (
    <Link to="/app/e/$id" params={{ id }} className="entity">
      {type && <Type name={type} />}
      <span>{label || id}</span>
    </Link>
  );
}
