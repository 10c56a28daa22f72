// Talks to the gateway with the published clients, and prints what they see.
// node llm.mjs URL KEY
import OpenAI from 'openai'
import Anthropic from '@anthropic-ai/sdk'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'

const [url, key] = process.argv.slice(2)
const ask = (content) => [{ role: 'user', content }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const failure = async (f) => { try { return await f() } catch (e) { return `${e.constructor.name} ${e.status} ${e.code ?? e.error?.error?.type} ${e.message.replace(/\s+/g, ' ').replace(/req_\w+/g, 'req_')}` } }
const print = (name, ...values) => console.log(`${name}:`, ...values.map((v) => (typeof v === 'string' ? v : JSON.stringify(v))))

// OpenAI
const openai = new OpenAI({ baseURL: url + '/v1', apiKey: key, maxRetries: 0 })
{
  const { data, response } = await openai.chat.completions.create({ model: 'm-1', messages: ask('hello') }).withResponse()
  print('openai chat', data.choices[0].message.content, data.usage.total_tokens, response.headers.get('x-provider'))
  let text = '', finish
  for await (const c of await openai.chat.completions.create({ model: 'm-1', messages: ask('hello'), stream: true })) {
    text += c.choices[0]?.delta?.content ?? ''
    finish = c.choices[0]?.finish_reason ?? finish
  }
  print('openai stream', text, finish)
  const final = await openai.chat.completions.stream({ model: 'm-1', messages: ask('hello'), stream_options: { include_usage: true } }).finalChatCompletion()
  print('openai stream helper', final.choices[0].message.content, final.usage.total_tokens)
  const tools = [{ type: 'function', function: { name: 'weather', parameters } }]
  const first = await openai.chat.completions.create({ model: 'm-1', messages: ask('weather'), tools })
  const call = first.choices[0].message.tool_calls[0]
  print('openai tool', call.function)
  const second = await openai.chat.completions.create({ model: 'm-1', tools, messages: [...ask('weather'), first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }] })
  print('openai tool result', second.choices[0].message.content)
  const runner = openai.chat.completions.runTools({ model: 'm-1', stream: true, messages: ask('weather'), tools: [{ type: 'function', function: { name: 'weather', parameters, parse: JSON.parse, function: () => 'rainy' } }] })
  print('openai runTools, streamed', await runner.finalContent())
  const e = await openai.embeddings.create({ model: 'e-1', input: ['a', 'b'], encoding_format: 'float' })
  print('openai embeddings', e.data.map((d) => d.embedding), e.usage.prompt_tokens)
  print('openai embeddings, base64', (await openai.embeddings.create({ model: 'e-1', input: 'b64' })).data[0].embedding)
  const r = await openai.responses.create({ model: 'm-1', input: 'hello' })
  print('openai responses', r.output_text, r.usage.total_tokens)
  print('openai models', (await openai.models.list()).data.map((m) => m.id), (await openai.models.retrieve('m-1')).id)
  print('openai 502', await failure(() => openai.chat.completions.create({ model: 'm-1', messages: ask('fail') })))
  print('openai 429', await failure(() => openai.chat.completions.create({ model: 'm-1', messages: ask('limit') })))
  print('openai 400', await failure(() => openai.chat.completions.create({ model: 'm-1', messages: ask('hello'), temperature: 'hot' })))
  print('openai 401', await failure(() => new OpenAI({ baseURL: url + '/v1', apiKey: 'loom_sk_wrong' + 'x'.repeat(27), maxRetries: 0 }).models.list()))
  print('openai breaks off', await failure(async () => {
    for await (const c of await openai.chat.completions.create({ model: 'm-1', messages: ask('break'), stream: true })) text = c.choices[0]?.delta?.content
  }), text)
  const stop = new AbortController()
  for await (const c of await openai.chat.completions.create({ model: 'm-1', messages: ask('hang'), stream: true }, { signal: stop.signal })) {
    if (c.choices[0]?.delta?.content) stop.abort()
  }
  print('openai abort', 'done')
}

// Anthropic
const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 })
{
  const m = await anthropic.messages.create({ model: 'm-1', max_tokens: 50, system: 'Be brief.', messages: ask('hello') })
  print('anthropic message', m.content, m.stop_reason, m.usage)
  const s = anthropic.messages.stream({ model: 'm-1', max_tokens: 50, messages: ask('hello') })
  let pieces = 0
  s.on('text', () => pieces++)
  const f = await s.finalMessage()
  print('anthropic stream', f.content[0].text, pieces, f.stop_reason, f.usage.output_tokens)
  const tools = [{ name: 'weather', input_schema: parameters }]
  const first = await anthropic.messages.create({ model: 'm-1', max_tokens: 50, messages: ask('weather'), tools })
  const use = first.content.find((b) => b.type === 'tool_use')
  print('anthropic tool', first.stop_reason, use.name, use.input)
  const streamed = await anthropic.messages.stream({ model: 'm-1', max_tokens: 50, messages: ask('weather'), tools }).finalMessage()
  print('anthropic tool, streamed', streamed.content.find((b) => b.type === 'tool_use').input)
  const second = await anthropic.messages.create({ model: 'm-1', max_tokens: 50, tools, messages: [...ask('weather'), { role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'sunny' }] }] })
  print('anthropic tool result', second.content[0].text)
  print('anthropic 502', await failure(() => anthropic.messages.create({ model: 'm-1', max_tokens: 5, messages: ask('fail') })))
  print('anthropic 401', await failure(() => new Anthropic({ baseURL: url, apiKey: 'nothing', maxRetries: 0 }).messages.create({ model: 'm-1', max_tokens: 5, messages: ask('hello') })))
  print('anthropic models', (await anthropic.models.list()).data.map((m) => m.id))
  const hang = anthropic.messages.stream({ model: 'm-1', max_tokens: 5, messages: ask('hang') })
  hang.on('text', () => hang.abort())
  print('anthropic abort', await failure(() => hang.done()))
}

// The AI SDK
const provider = createOpenAICompatible({ name: 'stemma', baseURL: url + '/v1', apiKey: key, includeUsage: true })
{
  const g = await generateText({ model: provider('m-1'), prompt: 'hello', maxRetries: 0 })
  print('ai generateText', g.text, g.finishReason, g.usage.totalTokens)
  const s = streamText({ model: provider('m-1'), prompt: 'hello', maxRetries: 0 })
  let text = ''
  for await (const t of s.textStream) text += t
  print('ai streamText', text, await s.finishReason, (await s.usage).totalTokens)
  const weather = tool({ inputSchema: jsonSchema(parameters), execute: async ({ city }) => 'snowy in ' + city })
  const t = await streamText({ model: provider('m-1'), prompt: 'weather', tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0 }).text
  print('ai tools, streamed', t)
  const e = await embedMany({ model: provider.embeddingModel('e-1'), values: ['a', 'b'], maxRetries: 0 })
  print('ai embedMany', e.embeddings, e.usage.tokens)
  print('ai 502', await failure(() => generateText({ model: provider('m-1'), prompt: 'fail', maxRetries: 0 })))
}
