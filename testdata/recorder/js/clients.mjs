// Calls the published clients of OpenAI and Anthropic, unmodified, at the URL
// and with the key that it is given, and prints what they make of the answers.
// usage: node clients.mjs URL KEY PROVIDER_KEY
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";

const [url, key, theirs] = process.argv.slice(2);
const say = (...parts) => console.log(...parts.map((p) => (typeof p === "string" ? p : JSON.stringify(p))));
const ours = { "X-Api-Key": key, "X-Agent-Name": "node" };

const openais = {
  path: new OpenAI({ apiKey: theirs, baseURL: `${url}/proxy/${key}/node/openai/v1`, maxRetries: 0 }),
  header: new OpenAI({ apiKey: theirs, baseURL: `${url}/proxy/openai/v1`, defaultHeaders: ours, maxRetries: 0 }),
};
for (const [form, client] of Object.entries(openais)) {
  const messages = [{ role: "user", content: "Say hello." }];
  const chat = await client.chat.completions.create({ model: "gpt-4o", messages });
  say(form, "chat", chat.choices[0].message.content, chat.usage.total_tokens, chat._request_id);
  const tools = await client.chat.completions.create({ model: "gpt-4o-mini", messages, tools: [{ type: "function", function: { name: "get_weather" } }] });
  say(form, "tools", tools.choices[0].message.tool_calls.map((t) => t.function.arguments));
  let text = "", tokens = 0;
  for await (const chunk of await client.chat.completions.create({ model: "gpt-4o", messages, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    tokens = chunk.usage?.total_tokens ?? tokens;
  }
  say(form, "stream", text, tokens);
  const response = await client.responses.create({ model: "o4-mini", input: "Good day?" });
  say(form, "response", response.output_text, response.usage.total_tokens);
  text = "";
  for await (const event of await client.responses.create({ model: "o4-mini", input: "Good day?", stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.completed") tokens = event.response.usage.total_tokens;
  }
  say(form, "response stream", text, tokens);
  const models = [];
  for await (const m of client.models.list()) models.push(m.id);
  say(form, "models", models);
  try {
    await client.chat.completions.create({ model: "wrong-key", messages });
  } catch (e) {
    say(form, "error", e.constructor.name, e.status, e.code);
  }
}

// In the header form the provider's key goes by Authorization: X-Api-Key is taken.
const anthropics = {
  path: new Anthropic({ apiKey: theirs, baseURL: `${url}/proxy/${key}/node/anthropic`, maxRetries: 0 }),
  header: new Anthropic({ apiKey: null, authToken: theirs, baseURL: `${url}/proxy/anthropic`, defaultHeaders: ours, maxRetries: 0 }),
};
for (const [form, client] of Object.entries(anthropics)) {
  const ask = { max_tokens: 1024, messages: [{ role: "user", content: "Weather in Perth?" }] };
  const message = await client.messages.create({ model: "claude-sonnet-4-20250514", ...ask });
  say(form, "message", message.content.map((b) => b.type), message.usage.output_tokens);
  const stream = client.messages.stream({ model: "claude-haiku-4-5", ...ask });
  let text = "";
  stream.on("text", (t) => (text += t));
  const final = await stream.finalMessage();
  say(form, "stream", text, final.content[1].input, final.stop_reason, final.usage.output_tokens);
}
