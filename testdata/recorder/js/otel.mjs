// Exports traces with the published exporters of OpenTelemetry, unmodified, to the
// URL and with the key that it is given, and prints what comes of it.
// usage: node otel.mjs URL KEY PROVIDER_KEY, with OTEL_EXPORTER_OTLP_TRACES_…
import { context, diag, DiagLogLevel, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as JSONExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

const [url, key, theirs] = process.argv.slice(2);
const say = (...parts) => console.log(...parts.map((p) => (typeof p === "string" ? p : JSON.stringify(p))));
let warnings = [];
const warned = (...parts) => warnings.push(parts.join(" "));
diag.setLogger({ error: warned, warn: warned, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

const at = (seconds) => [1767225600 + Math.floor(seconds), (seconds % 1) * 1e9];
const text = (role, content) => JSON.stringify([{ role, parts: [{ type: "text", content }] }]);

const told = { url: `${url}/v1/traces`, headers: { Authorization: `Bearer ${key}` } };
function tracing(Exporter, processor, options) {
  const exporter = new Exporter(options);
  const provider = new TracerProvider({ resource: resourceFromAttributes({ "service.name": "node" }), spanProcessors: [processor(exporter)] });
  return { provider, tracer: provider.getTracer("otel.mjs", "1.0.0") };
}

// story is an agent that asks a model, which calls a tool, and asks again.
async function story({ provider, tracer }, after) {
  const root = tracer.startSpan("invoke_agent clerk", { startTime: at(0.5), attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk" } });
  const under = trace.setSpan(context.active(), root);
  const end = async (span, seconds) => (span.end(at(seconds)), after && (await provider.forceFlush()));
  const chat = (seconds, attributes) =>
    tracer.startSpan("chat gpt-4o", { kind: SpanKind.CLIENT, startTime: at(seconds), attributes: { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", ...attributes } }, under);
  const first = chat(1, { "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100, "gen_ai.response.finish_reasons": ["tool_calls"], "gen_ai.input.messages": text("user", "Is there a blue one?") });
  await end(first, 2.5);
  const tool = tracer.startSpan("execute_tool stock", { startTime: at(3), attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "stock", "gen_ai.tool.call.arguments": '{"colour":"blue"}' } }, under);
  tool.recordException(new RangeError("no such colour"), at(3.1));
  tool.setStatus({ code: SpanStatusCode.ERROR, message: "no such colour" });
  await end(tool, 3.25);
  const second = chat(4, { "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 100, "gen_ai.response.finish_reasons": ["stop"], "gen_ai.output.messages": text("assistant", "No, there is none.") });
  await end(second, 5);
  await end(root, 5.5);
  return { root, first, under };
}

for (const [format, Exporter] of Object.entries({ json: JSONExporter, protobuf: ProtobufExporter })) {
  const batch = tracing(Exporter, (e) => new BatchSpanProcessor({ exporter: e }), { ...told, compression: "gzip" });
  const { root, first, under } = await story(batch);
  await batch.provider.forceFlush();
  say(format, "batch", root.spanContext().traceId, warnings.length);

  // A call of the model's provider through the proxy, in the same trace.
  const { traceId, spanId } = first.spanContext();
  const answer = await fetch(`${url}/proxy/${key}/node-proxied/openai/v1/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${theirs}`, traceparent: `00-${traceId}-${spanId}-01`, tracestate: "shop=1" },
    body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Is there a blue one?" }] }),
  });
  say(format, "proxied", answer.status);

  // What comes late is rejected, and the exporter tells.
  batch.tracer.startSpan("late", { startTime: at(6) }, under).end(at(7));
  await batch.provider.shutdown();
  say(format, "late", warnings);
  warnings = [];

  // By the environment alone, as people set it.
  const simple = tracing(Exporter, (e) => new SimpleSpanProcessor({ exporter: e }));
  const alone = await story(simple, true);
  await simple.provider.shutdown();
  say(format, "simple", alone.root.spanContext().traceId, warnings.length);

  const kept = new InMemorySpanExporter();
  const wrong = tracing(Exporter, () => new SimpleSpanProcessor({ exporter: kept }));
  wrong.tracer.startSpan("alone").end();
  const exporter = new Exporter({ url: `${url}/v1/traces`, headers: { Authorization: "Bearer ark_live_wrong" } });
  const result = await new Promise((done) => exporter.export(kept.getFinishedSpans(), done));
  say(format, "wrong key", result.code, result.error.code, result.error.message);
}
