import { problemOf } from "./api";
import { authorization, session, setSession } from "./session";

type Options = {
  type?: string;
  signal?: AbortSignal;
  range?: string;
  sent?: (done: number) => void;
  got?: (done: number, total: number) => void;
};

const broken = "The connection broke off, or the file was moved or changed while it was read. Try again.";

// transfer is a request of which it is told how far it is; fetch does not tell
// that of what it sends.
export function transfer(method: string, path: string, body: Blob | FormData | null, o: Options = {}): Promise<Blob> {
  return new Promise((done, fail) => {
    const x = new XMLHttpRequest();
    const stop = () => x.abort();
    x.open(method, path);
    x.responseType = "blob";
    const who = authorization(session());
    if (who) x.setRequestHeader("Authorization", who);
    if (o.type) x.setRequestHeader("Content-Type", o.type);
    if (o.range) x.setRequestHeader("Range", o.range);
    x.upload.onprogress = (e) => o.sent?.(e.loaded);
    x.onprogress = (e) => o.got?.(e.loaded, e.lengthComputable ? e.total : 0);
    x.onabort = () => fail(new DOMException("It was stopped", "AbortError"));
    x.onerror = () => fail(new Error(broken));
    x.onload = () => {
      const answer = x.response as Blob;
      if (x.status >= 200 && x.status < 300) return done(answer);
      if (x.status === 401 && session()) setSession(null);
      void answer.text().then((text) => fail(problemOf(x.status, readJSON(text))));
    };
    x.onloadend = () => o.signal?.removeEventListener("abort", stop);
    if (o.signal?.aborted) return fail(new DOMException("It was stopped", "AbortError"));
    o.signal?.addEventListener("abort", stop);
    x.send(body);
  });
}

function readJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// save has the browser keep bytes as a file.
export function save(content: Blob, name: string) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
