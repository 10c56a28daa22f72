// Package otlp reads what programs that are instrumented with OpenTelemetry
// export: traces over OTLP/HTTP, by the semantic conventions for generative AI.
//
//	gen_ai.operation.name                              a span is
//	chat, text_completion, generate_content,
//	embeddings; none, with a model named               [Model], a call of a model
//	execute_tool                                       [Tool], a call of a tool
//	invoke_agent, create_agent, invoke_workflow        [Agent], an agent at work
//	anything else                                      [Other]
//
// What was said is read from the attributes gen_ai.input.messages,
// gen_ai.output.messages and gen_ai.system_instructions, of the span or of its
// event gen_ai.client.inference.operation.details; else from the events of earlier
// versions, gen_ai.*.message and gen_ai.choice, gen_ai.content.prompt and
// gen_ai.content.completion; else from the attributes gen_ai.prompt.0.content and
// so on of OpenLLMetry.
//
// # Laws
//
//   - What is no export is refused whole: KindInvalid says where. A span that has
//     no identity is refused alone, see [Span.Problem].
//   - Of a span that is understood nothing is lost: an attribute stands where its
//     meaning has a place, else as it came among the metadata.
//   - An attribute that is not of the type the conventions give it has no meaning,
//     and is kept all the same. What is not known stays absent, never 0.
package otlp
