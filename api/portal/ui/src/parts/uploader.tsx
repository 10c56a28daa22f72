import { useEffect, useId, useRef, useState, type DragEvent } from "react";
import { Problem } from "../lib/api";
import { bytes } from "../lib/format";
import { forget, isOpen, retry, stop, useUploads, type Job } from "../lib/uploads";
import { EntityLink } from "./basics";
import "./uploader.css";

type Props = { place: string; label: string; hint: string; one?: boolean; accept?: string; disabled?: boolean; onFiles: (files: File[]) => void };

// Uploader takes files, dropped or chosen, and shows how far they are.
export function Uploader({ place, ...drop }: Props) {
  return (
    <>
      <Drop {...drop} />
      <Uploads place={place} />
    </>
  );
}

// Drop is where files are dropped, or chosen by a button.
export function Drop({ label, hint, one, accept, disabled, onFiles }: Omit<Props, "place">) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(0);
  const [wrong, setWrong] = useState("");
  const id = useId();

  // What is dropped beside it must not be opened by the browser instead of the page.
  useEffect(() => {
    const keep = (e: globalThis.DragEvent) => e.dataTransfer?.types.includes("Files") && e.preventDefault();
    window.addEventListener("dragover", keep);
    window.addEventListener("drop", keep);
    return () => {
      window.removeEventListener("dragover", keep);
      window.removeEventListener("drop", keep);
    };
  }, []);

  const take = (files: File[], folders: number) => {
    setWrong(folders ? "A folder cannot be uploaded as such: open it, and drop the files that are in it." : one && files.length > 1 ? "One file takes the place of the content: drop one." : "");
    if (files.length && !(one && files.length > 1)) onFiles(files);
  };
  const dropped = (e: DragEvent) => {
    e.preventDefault();
    setOver(0);
    if (disabled) return;
    const items = [...e.dataTransfer.items].filter((i) => i.kind === "file");
    const folders = items.filter((i) => i.webkitGetAsEntry?.()?.isDirectory).length;
    take([...e.dataTransfer.files].filter((_, i) => !items[i]?.webkitGetAsEntry?.()?.isDirectory), folders);
  };
  return (
    <>
      <div className={over > 0 && !disabled ? "drop over" : "drop"} role="group" aria-labelledby={id} onDragEnter={() => setOver((n) => n + 1)} onDragLeave={() => setOver((n) => n - 1)} onDragOver={(e) => e.preventDefault()} onDrop={dropped}>
        <p id={id}>{hint}</p>
        <input
          ref={input}
          type="file"
          className="unseen"
          tabIndex={-1}
          aria-label={label}
          multiple={!one}
          accept={accept}
          disabled={disabled}
          onChange={(e) => {
            take([...(e.currentTarget.files ?? [])], 0);
            e.currentTarget.value = "";
          }}
        />
        <button type="button" disabled={disabled} onClick={() => input.current?.click()}>
          {label}
        </button>
      </div>
      {wrong && (
        <p className="failure" role="alert">
          {wrong}
        </p>
      )}
    </>
  );
}

// Uploads are the files on their way to one place.
export function Uploads({ place }: { place: string }) {
  const jobs = useUploads(place);
  if (jobs.length === 0) return null;
  const open = jobs.filter(isOpen).length;
  const failed = jobs.filter((j) => j.state === "failed").length;
  const done = jobs.filter((j) => j.state === "done").length;
  return (
    <section aria-label="Uploads">
      <p className="faint" role="status">
        {open ? `Uploading: ${done} of ${jobs.length} done` : `${done} of ${jobs.length} uploaded`}
        {failed > 0 && `, ${failed} failed`}
        {!open && (
          <>
            {" "}
            <button type="button" className="plain" onClick={() => forget(place)}>
              Clear this list
            </button>
          </>
        )}
      </p>
      <ul className="uploads">
        {jobs.map((j) => (
          <Row key={j.id} job={j} />
        ))}
      </ul>
    </section>
  );
}

function says(j: Job): string {
  switch (j.state) {
    case "waiting":
      return "waits for its turn";
    case "sending":
      return j.sent < j.size ? `${bytes(j.sent)} of ${bytes(j.size)}` : "sent; the server reads it";
    case "done":
      return `done, ${bytes(j.size)}${j.done?.note ? `, ${j.done.note}` : ""}`;
    case "failed":
      return "failed";
    case "stopped":
      return "stopped";
  }
}

function Row({ job: j }: { job: Job }) {
  return (
    <li>
      <span className="name">
        {j.done?.entity ? <EntityLink id={j.done.entity} label={j.name} /> : <bdi>{j.name}</bdi>} <span className="faint">{says(j)}</span>
      </span>
      <span className="acts">
        {isOpen(j) && (
          <button type="button" className="plain" aria-label={`Stop ${j.name}`} onClick={() => stop(j.id)}>
            Stop
          </button>
        )}
        {(j.state === "failed" || j.state === "stopped") && (
          <button type="button" className="plain" aria-label={`Try ${j.name} again`} onClick={() => retry(j.id)}>
            Try again
          </button>
        )}
      </span>
      {j.state === "sending" && <progress aria-label={`Upload of ${j.name}`} max={j.size || 1} value={j.sent < j.size ? j.sent : undefined} />}
      {j.error && <Wrong error={j.error} />}
    </li>
  );
}

const remedies: Record<number, string> = {
  403: "You may not put files here. Somebody who manages it can give you a role.",
  404: "It may have been deleted meanwhile.",
  409: "It was changed meanwhile. Load the page again, then upload the file again.",
  413: "Cut it into smaller files, then upload those.",
  415: "Save it in another format, then upload that.",
  507: "Whoever runs the server has to make room. Then try again.",
};

// Wrong is what went wrong with one file, and what to do.
function Wrong({ error }: { error: Error }) {
  const issues = error instanceof Problem && Array.isArray(error.details.issues) ? (error.details.issues as { path?: (string | number)[]; message: string }[]) : [];
  const remedy = error instanceof Problem ? remedies[error.status] : undefined;
  const message = issues.length ? issues.map((i) => `${i.path?.join(".") ?? ""} ${i.message}`.trim()).join("; ") : error.message;
  return (
    <div className="failure" role="alert">
      {message.replace(/\.?$/, ".")} {remedy}
    </div>
  );
}
