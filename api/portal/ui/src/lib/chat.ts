// A turn of an agent, as it comes.
import { problemOf, Problem, type Schemas } from "./api";
import { authorization, session, setSession } from "./session";

export type Answer = Schemas["ChatAnswer"];
export type ChatBody = { messages: { role: "user" | "assistant"; content: string }[]; model?: string; conversation_id?: string; partition_id?: string };

// ChatEvent is what is told of a turn; the description of POST
// /v1/portal/agents/{id}/chat has the list.
export type ChatEvent =
  | { event: "start"; data: { model: string; run_id: string; conversation_id: string } }
  | { event: "text"; data: { text: string } }
  | { event: "tool_call"; data: { id: string; name: string; arguments: string } }
  | { event: "tool_result"; data: { id: string; name: string; failed: boolean; result: string; duration_ms: number } }
  | { event: "answer"; data: Answer };

// chat asks an agent. What goes wrong is thrown as a Problem, also in the middle;
// of one that tells how long to wait, details.retry_after has the seconds.
export async function* chat(agent: string, body: ChatBody, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const answer = await fetch(`/v1/portal/agents/${encodeURIComponent(agent)}/chat`, {
    method: "POST",
    signal,
    headers: { Authorization: authorization(session()) ?? "", "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, stream: true }),
  });
  if (!answer.ok) {
    const problem = problemOf(answer.status, await answer.json().catch(() => null));
    if (answer.status === 401) setSession(null);
    const wait = Number(answer.headers.get("Retry-After"));
    throw wait > 0 ? new Problem(problem.status, problem.message, problem.code, { ...problem.details, retry_after: wait }, problem.requestId) : problem;
  }
  let whole = false;
  for await (const { event, data } of events(answer)) {
    if (event === "error") throw problemOf(502, data);
    whole ||= event === "answer";
    yield { event, data } as ChatEvent;
  }
  if (!whole) throw new Problem(502, "The answer broke off before its end", "", {});
}

async function* events(answer: Response): AsyncGenerator<{ event: string; data: unknown }> {
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const lines = part.split("\n");
      const data = lines.filter((l) => l.startsWith("data: ")).map((l) => l.slice(6));
      if (data.length) yield { event: lines.find((l) => l.startsWith("event: "))?.slice(7) ?? "", data: JSON.parse(data.join("\n")) };
    }
  }
}
