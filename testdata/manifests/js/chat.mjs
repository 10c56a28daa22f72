// The published AI SDK (npm ai) chats with our server: node chat.mjs URL KEY ENTITY.
// It prints what its own client made of the stream, a line for each thing.
import {
  AbstractChat, DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses, parseJsonEventStream, readUIMessageStream, uiMessageChunkSchema,
} from "ai";

const [url, key, entity] = process.argv.slice(2);
const headers = (id) => ({ Authorization: `ApiKey ${key}`, "X-Chat-ID": id });

// State is the least that the SDK's chat needs; the packages for React and Vue have their own.
class State {
  status = "ready";
  error = undefined;
  constructor(messages) { this.messages = messages; }
  pushMessage = (m) => { this.messages = [...this.messages, m]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (i, m) => { this.messages = this.messages.map((old, at) => (at === i ? structuredClone(m) : old)); };
  snapshot = (v) => structuredClone(v);
}

class Chat extends AbstractChat {
  constructor(id, messages = [], more = {}) {
    const usage = [];
    super({
      state: new State(messages),
      transport: new DefaultChatTransport({ api: `${url}/chat`, headers: headers(id) }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      onData: (d) => usage.push(d),
      onError: (e) => { this.failed = e.message; },
      ...more,
    });
    this.data = usage;
  }
}

const shown = (p) => {
  switch (p.type) {
    case "text": return `text(${p.text})`;
    case "step-start": return "step";
    default: return `${p.type}(${p.state}${p.output ? ` ${p.output.type} ${p.output.ver}` : ""}${p.errorText ? ` ${p.errorText}` : ""})`;
  }
};
const last = (chat) => chat.messages.at(-1).parts.map(shown).join(" ");
const settled = async (chat) => { while (chat.status === "submitted" || chat.status === "streaming") await new Promise((r) => setImmediate(r)); };
const print = (name, ...rest) => console.log(name + ":", ...rest);

const first = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
const chat = new Chat(first);
await chat.sendMessage({ text: "hello" });
print("text", chat.status, last(chat), JSON.stringify(chat.messages.at(-1).metadata), JSON.stringify(chat.data));

await chat.sendMessage({ text: `call get_entity {"id":"${entity}"}` });
print("read", last(chat).replace(/text\(.*/, "text"));

const answer = async (name, text, approved, reason) => {
  await chat.sendMessage({ text });
  print(name, "asked", last(chat));
  const part = chat.messages.at(-1).parts.find((p) => p.state === "approval-requested");
  await chat.addToolApprovalResponse({ id: part.approval.id, approved, reason });
  await new Promise((r) => setImmediate(r));
  await settled(chat);
  print(name, chat.messages.length, last(chat).replace(/text\(It gave.*/, "text"));
};
await answer("yes", `call create_entity {"type":"letter","properties":{"label":"By the SDK"}}`, true);
await answer("no", `call create_entity {"type":"letter","properties":{"label":"Not by the SDK"}}`, false, "no");

await chat.sendMessage({ text: "break" });
print("error", chat.status, chat.failed, last(chat));

const half = new Chat(first, chat.messages, { onFinish: ({ isAbort }) => print("stopped", isAbort) });
const sending = half.sendMessage({ text: "hang" });
while (!(half.messages.length === chat.messages.length + 2 && half.messages.at(-1).parts.some((p) => p.text === "So far"))) await new Promise((r) => setImmediate(r));
await half.stop();
await sending;
print("abort", last(half));

// From another process: what the server has is what the client goes on with.
const stored = async () => (await fetch(`${url}/chat/sessions/${first}`, { headers: headers(first) })).json();
let session = await stored();
while (!session.messages.at(-1).metadata?.partial) session = await stored(); // the server sees the end a moment later
print("stored", session.messages.map((m) => m.role[0]).join(""), JSON.stringify(session.messages.at(-1).metadata), session.messages.at(-1).content);
const resumed = new Chat(first, session.messages);
for (let busy = true; busy;) { // and gives the turn back
  await resumed.sendMessage({ text: "count" });
  busy = resumed.status === "error" && resumed.failed.includes("under way");
  if (busy) resumed.messages = resumed.messages.slice(0, -1);
}
print("resumed", resumed.status, last(resumed));
await resumed.regenerate();
print("again", resumed.messages.length, last(resumed));

// Every frame is one of the schema's, and the chunk that the specification names is not.
const body = { messages: [{ id: "x", role: "user", parts: [{ type: "text", text: `call get_entity {"id":"${entity}"}\ncall nothing {}\ncall create_entity {"type":"letter"}` }] }] };
const post = () => fetch(`${url}/chat`, { method: "POST", headers: { Authorization: `ApiKey ${key}`, "Content-Type": "application/json" }, body: JSON.stringify(body) });
let response = await post();
print("header", response.headers.get("x-vercel-ai-ui-message-stream"), /^[0-9a-f-]{36}$/.test(response.headers.get("x-chat-id")));
let bad = 0, good = [];
for await (const chunk of parseJsonEventStream({ stream: response.body, schema: uiMessageChunkSchema })) chunk.success ? good.push(chunk.value.type) : bad++;
print("frames", bad, good.filter((t) => t !== "tool-input-delta").join(" "));
response = await post();
let message;
const chunks = parseJsonEventStream({ stream: response.body, schema: uiMessageChunkSchema }).pipeThrough(new TransformStream({ transform(c, out) { out.enqueue(c.value); } }));
for await (const m of readUIMessageStream({ stream: chunks })) message = m;
print("message", message.parts.map(shown).join(" "));
const foreign = new Response(`data: {"type":"message_delta","delta":{"usage":{"input_tokens":1,"output_tokens":1}}}\n\n`).body;
for await (const chunk of parseJsonEventStream({ stream: foreign, schema: uiMessageChunkSchema })) print("message_delta", chunk.success);
