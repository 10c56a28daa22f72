import { useEffect, useRef, useState } from "react";
import { bytes } from "../lib/format";
import { save, transfer } from "../lib/transfer";
import { Failure } from "./basics";

type Props = { path: string; name: string; label: string; size?: number };

// Download fetches something as the user, shows how far it is, and saves it.
export function Download({ path, name, label, size }: Props) {
  const [done, setDone] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const start = async () => {
    const { signal } = (stop.current = new AbortController());
    setError(null);
    setDone(0);
    try {
      save(await transfer("GET", path, null, { signal, got: setDone }), name);
    } catch (e) {
      if (!signal.aborted) setError(e);
    } finally {
      if (!signal.aborted) setDone(null);
    }
  };
  return (
    <>
      {done === null ? (
        <button type="button" onClick={() => void start()}>
          {label}
        </button>
      ) : (
        <span className="inline" role="status">
          <progress aria-label={label} max={size || 1} value={size ? done : undefined} /> {bytes(done)}
          {size ? ` of ${bytes(size)}` : ""}
          <button
            type="button"
            className="plain"
            onClick={() => {
              stop.current?.abort();
              setDone(null);
            }}
          >
            Stop
          </button>
        </span>
      )}
      {error !== null && <Failure error={error} />}
    </>
  );
}
