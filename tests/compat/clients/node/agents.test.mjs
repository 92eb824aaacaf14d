// OpenAI's Agents SDK for JavaScript with nothing set but the base URL and a key.
import assert from 'node:assert/strict';
import { beforeEach, afterEach, test } from 'node:test';
import {
  Agent, InputGuardrailTripwireTriggered, OpenAIChatCompletionsModel, OpenAIConversationsSession, OpenAIResponsesCompactionSession,
  OutputGuardrailTripwireTriggered, MemorySession, applyPatchTool, handoff, hostedMcpTool, run, setOpenAIAPI, setTracingDisabled, shellTool,
  tool, webSearchTool, OpenAIProvider, Runner,
} from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';
import { DOT, asked, call, calls, finish, fresh, last, next, roles, say, status, think } from './engine.mjs';

setTracingDisabled(true);
const client = new OpenAI({ maxRetries: 0 });
beforeEach(() => setOpenAIAPI('responses'));
afterEach(fresh);

const weather = tool({
  name: 'get_weather', description: 'The weather of a city', parameters: z.object({ city: z.string(), days: z.number().default(1) }),
  execute: async ({ city, days }) => `${city}: ${days} days of sun`,
});
const contents = (body) => body.messages.map((m) => m.content);

test('text', async () => {
  await next(say('Hel', 'lo.'));
  const result = await run(new Agent({ name: 'a', instructions: 'Be brief.' }), 'Hi');
  assert.equal(result.finalOutput, 'Hello.');
  assert.deepEqual(roles(await last()), ['system', 'user']);
  const usage = result.state.usage;
  assert.ok(usage.inputTokens > 0 && usage.totalTokens === usage.inputTokens + usage.outputTokens);
});

test('function tool', async () => {
  await next(call('get_weather', '{"city":"Par', 'is","days":2}'));
  await next(say('Sunny.'));
  assert.equal((await run(new Agent({ name: 'a', tools: [weather] }), 'Weather?')).finalOutput, 'Sunny.');
  assert.equal((await last()).messages.at(-1).content, 'Paris: 2 days of sun');
  assert.equal((await asked())[0].tools[0].function.strict, true);
});

test('parallel tools', async () => {
  await next(calls(['get_weather', 'c1', ['{"city":"A",', '"days":1}']], ['get_weather', 'c2', ['{"city":"B",', '"days":3}']]));
  await next(say('Both.'));
  const agent = new Agent({ name: 'a', tools: [weather], modelSettings: { parallelToolCalls: true } });
  assert.equal((await run(agent, 'Two cities')).finalOutput, 'Both.');
  assert.deepEqual(contents(await last()).slice(-2), ['A: 1 days of sun', 'B: 3 days of sun']);
});

test('forced tool', async () => {
  await next(call('get_weather', '{"city":"Rome","days":1}'));
  const agent = new Agent({ name: 'a', tools: [weather], modelSettings: { toolChoice: 'get_weather' }, toolUseBehavior: 'stop_on_first_tool' });
  assert.equal((await run(agent, 'Weather')).finalOutput, 'Rome: 1 days of sun');
});

test('tool with an image', async () => {
  const look = tool({ name: 'look', description: 'Looks', parameters: z.object({}),
    execute: async () => [{ type: 'text', text: 'a dot' }, { type: 'image', image: `data:image/png;base64,${DOT}` }] });
  await next(call('look', '{}'));
  await next(say('A dot.'));
  assert.equal((await run(new Agent({ name: 'a', tools: [look] }), 'Look')).finalOutput, 'A dot.');
  assert.ok(JSON.stringify(await last()).includes(DOT));
});

test('image input', async () => {
  await next(say('A dot.'));
  const input = [{ role: 'user', content: [{ type: 'input_text', text: 'What is this?' }, { type: 'input_image', image: `data:image/png;base64,${DOT}` }] }];
  assert.equal((await run(new Agent({ name: 'a' }), input)).finalOutput, 'A dot.');
  assert.ok(JSON.stringify(await last()).includes(DOT));
});

test('hand-off', async () => {
  const spanish = new Agent({ name: 'Spanish agent', instructions: 'Speak Spanish.' });
  await next(call('transfer_to_Spanish_agent', '{}'));
  await next(say('Hola.'));
  const result = await run(new Agent({ name: 'Triage', handoffs: [handoff(spanish)] }), 'Hola');
  assert.equal(result.finalOutput, 'Hola.');
  assert.equal(result.lastAgent.name, 'Spanish agent');
  assert.equal(contents(await last())[0], 'Speak Spanish.');
});

test('agent as a tool', async () => {
  const inner = new Agent({ name: 'inner', instructions: 'Translate.' });
  await next(call('translate', '{"input":"yes"}'));
  await next(say('si'));
  await next(say('It is si.'));
  const outer = new Agent({ name: 'outer', tools: [inner.asTool({ toolName: 'translate', toolDescription: 'Translates' })] });
  assert.equal((await run(outer, 'yes?')).finalOutput, 'It is si.');
  assert.equal((await last()).messages.at(-1).content, 'si');
});

test('session on a conversation', async () => {
  const session = new OpenAIConversationsSession({ client });
  const agent = new Agent({ name: 'a', tools: [weather] });
  await next(think('Hm.'), call('get_weather', '{"city":"Oslo","days":1}'));
  await next(say('Sunny.'));
  await run(agent, 'Weather in Oslo?', { session });
  await next(say('Oslo.'));
  assert.equal((await run(agent, 'Which city?', { session })).finalOutput, 'Oslo.');
  const said = contents(await last());
  assert.ok(said.includes('Oslo: 1 days of sun') && said.at(-1) === 'Which city?');
  const items = await session.getItems();
  assert.deepEqual(items.map((i) => i.type ?? 'message'),
    ['message', 'reasoning', 'function_call', 'function_call_result', 'message', 'message', 'message']);
  const popped = await session.popItem();
  assert.equal(popped.content[0].text, 'Oslo.');
  assert.equal((await session.getItems(2)).length, 2);
  await session.clearSession();
});

test('conversation id', async () => {
  const conversation = await client.conversations.create({});
  const agent = new Agent({ name: 'a', tools: [weather] });
  await next(call('get_weather', '{"city":"Bern","days":1}'));
  await next(say('Sunny.'));
  await run(agent, 'Weather in Bern?', { conversationId: conversation.id });
  await next(say('Bern.'));
  assert.equal((await run(agent, 'Which city?', { conversationId: conversation.id })).finalOutput, 'Bern.');
  const kinds = [];
  for await (const item of client.conversations.items.list(conversation.id, { order: 'asc' })) kinds.push(item.type);
  assert.deepEqual(kinds, ['message', 'function_call', 'function_call_output', 'message', 'message', 'message']);
});

test('previous response id', async () => {
  const agent = new Agent({ name: 'a', tools: [weather] });
  await next(call('get_weather', '{"city":"Lima","days":1}'));
  await next(say('Sunny.'));
  const first = await run(agent, 'Weather in Lima?');
  await next(say('Lima.'));
  const second = await run(agent, 'Which city?', { previousResponseId: first.lastResponseId });
  assert.equal(second.finalOutput, 'Lima.');
  assert.deepEqual(roles(await last()).slice(-2), ['assistant', 'user']);
});

test('history by hand', async () => {
  const agent = new Agent({ name: 'a', tools: [weather], modelSettings: { store: false } });
  await next(think('Hm.'), say('Looking. '), call('get_weather', '{"city":"Kyiv","days":1}'));
  await next(say('Sunny.'));
  const first = await run(agent, 'Weather in Kyiv?');
  await next(say('Kyiv.'));
  const second = await run(agent, [...first.history, { role: 'user', content: 'Which city?' }]);
  assert.equal(second.finalOutput, 'Kyiv.');
  assert.deepEqual(roles(await last()), ['user', 'assistant', 'tool', 'assistant', 'user']);
});

test('encrypted reasoning', async () => {
  const agent = new Agent({ name: 'a', tools: [weather], modelSettings: {
    store: false, reasoning: { effort: 'high', summary: 'auto' }, providerData: { include: ['reasoning.encrypted_content'] } } });
  await next(think('Secret ', 'plan.'), call('get_weather', '{"city":"Rome","days":1}'));
  await next(say('Sunny.'));
  const result = await run(agent, 'Weather?');
  assert.equal(result.finalOutput, 'Sunny.');
  assert.ok(JSON.stringify(await last()).includes('Secret plan.'));
});

test('streaming', async () => {
  const agent = new Agent({ name: 'a', tools: [weather], modelSettings: { reasoning: { summary: 'detailed' } } });
  await next(think('Let me ', 'look.'), say('One ', 'moment. '), call('get_weather', '{"city":', '"Rome","days":1}'));
  await next(say('Sun', 'ny.'));
  const result = await run(agent, 'Weather?', { stream: true });
  const events = [];
  for await (const event of result) events.push(event);
  await result.completed;
  assert.equal(result.finalOutput, 'Sunny.');
  const items = events.filter((e) => e.type === 'run_item_stream_event').map((e) => e.name);
  assert.deepEqual(items, ['reasoning_item_created', 'message_output_created', 'tool_called', 'tool_output', 'message_output_created']);
  const raw = events.filter((e) => e.type === 'raw_model_stream_event').map((e) => e.data);
  assert.equal(raw.filter((e) => e.type === 'output_text_delta').map((e) => e.delta).join(''), 'One moment. Sunny.');
  const kinds = new Set(raw.filter((e) => e.type === 'model').map((e) => e.event.type));
  for (const kind of ['response.created', 'response.output_item.added', 'response.reasoning_summary_text.delta',
    'response.function_call_arguments.delta', 'response.function_call_arguments.done', 'response.output_item.done'])
    assert.ok(kinds.has(kind), kind);
});

test('text stream', async () => {
  await next(say('One, ', 'two.'));
  const result = await run(new Agent({ name: 'a' }), 'Count', { stream: true });
  let text = '';
  for await (const piece of result.toTextStream()) text += piece;
  assert.equal(text, 'One, two.');
});

test('structured output', async () => {
  const City = z.object({ name: z.string(), inhabitants: z.number().nullable() });
  await next(say('{"name":"Bern","inha', 'bitants":130000}'));
  const result = await run(new Agent({ name: 'a', outputType: City }), 'A city');
  assert.deepEqual(result.finalOutput, { name: 'Bern', inhabitants: 130000 });
  assert.equal((await last()).response_format.json_schema.strict, true);
});

test('guardrails', async () => {
  const agent = (input, output) => new Agent({ name: 'a',
    inputGuardrails: [{ name: 'in', execute: async ({ input: said }) => ({ outputInfo: null, tripwireTriggered: input && JSON.stringify(said).includes('maths') }) }],
    outputGuardrails: [{ name: 'out', execute: async ({ agentOutput }) => ({ outputInfo: null, tripwireTriggered: output && agentOutput.includes('said') }) }] });
  assert.equal((await run(agent(true, false), 'Hello')).finalOutput, 'You said: Hello.');
  await assert.rejects(run(agent(true, false), 'Do my maths'), InputGuardrailTripwireTriggered);
  await assert.rejects(run(agent(false, true), 'Tell'), OutputGuardrailTripwireTriggered);
});

test('approval', async () => {
  const risky = tool({ name: 'risky', description: 'Risky', parameters: z.object({}), needsApproval: true, execute: async () => 'done' });
  const agent = new Agent({ name: 'a', tools: [risky] });
  await next(call('risky', '{}'));
  const paused = await run(agent, 'Go');
  assert.equal(paused.interruptions.length, 1);
  paused.state.approve(paused.interruptions[0]);
  await next(say('Fine.'));
  assert.equal((await run(agent, paused.state)).finalOutput, 'Fine.');
});

for (const approved of [true, false])
  test(`hosted mcp, ${approved ? 'approved' : 'refused'}`, async () => {
    const calc = hostedMcpTool({ serverLabel: 'calc', serverUrl: process.env.MCP_URL, requireApproval: 'always' });
    const agent = new Agent({ name: 'a', tools: [calc] });
    await next(call('calc__add', '{"a":2,"b":3}'));
    const paused = await run(agent, '2+3?');
    assert.equal(paused.interruptions.length, 1);
    if (approved) paused.state.approve(paused.interruptions[0]);
    else paused.state.reject(paused.interruptions[0]);
    await next(say('Done.'));
    assert.equal((await run(agent, paused.state)).finalOutput, 'Done.');
    const told = (await last()).messages.at(-1);
    assert.equal(told.role, 'tool');
    assert.equal(String(told.content).includes('5'), approved);
  });

test('web search is refused where there is none', async () => {
  await assert.rejects(run(new Agent({ name: 'a', tools: [webSearchTool()] }), 'News?'),
    (e) => e.status === 400 && e.param.startsWith('tools[0]') && e.message.includes('web_search'));
  assert.equal((await asked()).length, 0);
});

test('shell and patches', async () => {
  const done = [];
  const agent = new Agent({ name: 'a', tools: [
    shellTool({ shell: { run: async (action) => ({ output: [{ stdout: `ran ${action.commands[0]}`, stderr: '', outcome: { type: 'exit', exitCode: 0 } }] }) } }),
    applyPatchTool({ editor: { createFile: async (o) => { done.push(o.path); return { status: 'completed', output: 'made' }; },
      updateFile: async () => {}, deleteFile: async () => {} } })] });
  await next(call('shell', '{"commands":["ls"]}'));
  await next(call('apply_patch', '{"type":"create_file","path":"a.txt","diff":"+hi\\n"}'));
  await next(say('Done.'));
  assert.equal((await run(agent, 'Go')).finalOutput, 'Done.');
  assert.deepEqual(done, ['a.txt']);
  assert.ok(JSON.stringify(await last()).includes('ran ls'));
});

test('compaction session', async () => {
  const session = new OpenAIResponsesCompactionSession({ client, underlyingSession: new MemorySession(), shouldTriggerCompaction: () => false });
  const agent = new Agent({ name: 'a' });
  for (const i of [1, 2]) {
    await next(say(`Answer ${i}.`));
    await run(agent, `Question ${i}`, { session });
  }
  await next(say('They asked two questions.'));
  await session.runCompaction({ force: true });
  await next(say('Two.'));
  assert.equal((await run(agent, 'How many?', { session })).finalOutput, 'Two.');
  assert.ok(JSON.stringify(await last()).includes('They asked two questions.'));
});

test('websocket', async () => {
  const provider = new OpenAIProvider({ openAIClient: client, useResponses: true, useResponsesWebSocket: true });
  const runner = new Runner({ modelProvider: provider, tracingDisabled: true });
  const agent = new Agent({ name: 'a', tools: [weather] });
  await next(call('get_weather', '{"city":"Rome","days":1}'));
  await next(say('Sunny.'));
  const first = await runner.run(agent, 'Weather in Rome?');
  await next(say('Ro', 'me.'));
  const second = await runner.run(agent, 'Which city?', { previousResponseId: first.lastResponseId, stream: true });
  for await (const _ of second);
  await second.completed;
  assert.deepEqual([first.finalOutput, second.finalOutput], ['Sunny.', 'Rome.']);
  await provider.close?.();
});

test('chat completions model', async () => {
  const City = z.object({ name: z.string(), inhabitants: z.number().nullable() });
  const agent = new Agent({ name: 'a', model: new OpenAIChatCompletionsModel(client, 'gpt-4o'), tools: [weather], outputType: City });
  for (const stream of [false, true]) {
    await next(call('get_weather', '{"city":"Rome",', '"days":1}'));
    await next(say('{"name":"Rome",', '"inhabitants":null}'));
    const result = await run(agent, 'Weather?', { stream });
    if (stream) {
      for await (const _ of result);
      await result.completed;
    }
    assert.deepEqual(result.finalOutput, { name: 'Rome', inhabitants: null });
  }
});

test('errors', async () => {
  await next(status(400, { code: 400, message: 'no such thing', type: 'invalid_request_error' }));
  await assert.rejects(run(new Agent({ name: 'a' }), 'Fail'), (e) => e.status === 400);
  await next(say('Half a'), finish('length'));
  const cut = run(new Agent({ name: 'a' }), 'Talk');
  await cut.then((r) => assert.equal(r.finalOutput, 'Half a'), (e) => assert.match(String(e.message), /incomplete|max_output_tokens/));
});
