import { useMemo, useSyncExternalStore } from "react";
import { Problem } from "./api";
import { onSession, session } from "./session";

// What is being uploaded. It goes on while one looks at other pages.

export type Done = { entity?: string; note?: string };

// Work is how a file gets to where it belongs. It may be tried again, and then goes
// on from where it was; undo takes back what it left when it was stopped.
export type Work = { run: (sent: (bytes: number) => void, signal: AbortSignal) => Promise<Done>; undo?: () => Promise<void> };

export type Job = {
  id: number;
  place: string; // where its page finds it: "in <collection>", "of <file>"
  name: string;
  size: number;
  state: "waiting" | "sending" | "done" | "failed" | "stopped";
  sent: number;
  error?: Error;
  done?: Done;
};

type Kept = { work: Work; then: () => void; stop?: AbortController };

const atOnce = 2;
const kept = new Map<number, Kept>();
const listeners = new Set<() => void>();
let jobs: readonly Job[] = [];
let last = 0;

const leaving = (e: BeforeUnloadEvent) => e.preventDefault();

function set(next: readonly Job[]) {
  jobs = next;
  if (next.some(isOpen)) window.addEventListener("beforeunload", leaving);
  else window.removeEventListener("beforeunload", leaving);
  listeners.forEach((tell) => tell());
}

const change = (id: number, to: Partial<Job>) => set(jobs.map((j) => (j.id === id ? { ...j, ...to } : j)));

export function isOpen(j: Job): boolean {
  return j.state === "waiting" || j.state === "sending";
}

// upload puts a file into the queue; then is called when it has arrived.
export function upload(place: string, file: { name: string; size: number }, work: Work, then: () => void) {
  const id = ++last;
  kept.set(id, { work, then });
  set([...jobs, { id, place, name: file.name, size: file.size, state: "waiting", sent: 0 }]);
  next();
}

function next() {
  while (jobs.filter((j) => j.state === "sending").length < atOnce) {
    const job = jobs.find((j) => j.state === "waiting");
    if (!job) return;
    void run(job);
  }
}

async function run(job: Job) {
  const k = kept.get(job.id)!;
  const stop = (k.stop = new AbortController());
  change(job.id, { state: "sending", sent: 0, error: undefined });
  try {
    const done = await k.work.run((sent) => change(job.id, { sent }), stop.signal);
    change(job.id, { state: "done", sent: job.size, done });
    k.then();
  } catch (thrown) {
    if (stop.signal.aborted) await undo(job, k);
    else change(job.id, { state: "failed", error: thrown instanceof Error ? thrown : new Error(String(thrown)) });
  }
  next();
}

// undo takes back what a stopped upload left. What had arrived by then stays.
async function undo(job: Job, k: Kept) {
  try {
    await k.work.undo?.();
    change(job.id, { state: "stopped" });
  } catch (e) {
    const arrived = e instanceof Problem && e.status === 409;
    change(job.id, arrived ? { state: "done", done: { note: "it had arrived already" } } : { state: "failed", error: e as Error });
  }
  k.then();
}

export function stop(id: number) {
  const job = jobs.find((j) => j.id === id);
  if (job?.state === "sending") kept.get(id)?.stop?.abort();
  else if (job?.state === "waiting") change(id, { state: "stopped" });
}

export function retry(id: number) {
  change(id, { state: "waiting", sent: 0, error: undefined });
  next();
}

// forget takes what is over off the list.
export function forget(place: string) {
  jobs.filter((j) => j.place === place && !isOpen(j)).forEach((j) => kept.delete(j.id));
  set(jobs.filter((j) => j.place !== place || isOpen(j)));
}

export function useUploads(place: string): readonly Job[] {
  const all = useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => jobs,
  );
  return useMemo(() => all.filter((j) => j.place === place), [all, place]);
}

// Who signs out leaves nothing running.
onSession(() => {
  if (!session()) jobs.filter(isOpen).forEach((j) => stop(j.id));
});
