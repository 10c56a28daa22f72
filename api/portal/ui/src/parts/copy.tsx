import { useEffect, useState } from "react";

// Copy puts a text on the clipboard, and says that it did.
export function Copy({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<"" | "done" | "failed">("");
  useEffect(() => {
    if (!state) return;
    const later = setTimeout(() => setState(""), 4000);
    return () => clearTimeout(later);
  }, [state]);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => setState("done"),
      () => setState("failed"),
    );
  return (
    <>
      <button type="button" className="plain" onClick={copy} aria-label={`Copy ${what}`}>
        Copy
      </button>
      <span role="status" className="faint">
        {{ "": "", done: " copied", failed: " select it and copy it by hand" }[state]}
      </span>
    </>
  );
}
