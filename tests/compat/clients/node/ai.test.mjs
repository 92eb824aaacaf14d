// The Vercel AI SDK with its OpenAI provider, whose default is the Responses API; base URL and key from the environment.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createOpenAI, openai } from '@ai-sdk/openai';
import { APICallError, Output, ToolLoopAgent, generateObject, generateText, isStepCount, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';
import { DOT, asked, call, calls, finish, fresh, hang, last, left, next, roles, say, status, think } from './engine.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;
afterEach(fresh);
const maxRetries = 0;
const responses = openai('gpt-5.2');
const chat = openai.chat('gpt-4o');
const City = z.object({ name: z.string(), inhabitants: z.number().nullable(), twins: z.array(z.string()) });
const CITY = { name: 'Bern', inhabitants: 130000, twins: ['X'] };
const weather = tool({
  description: 'The weather of a city', inputSchema: z.object({ city: z.string(), days: z.number().optional() }),
  execute: async ({ city }) => ({ city, sun: true }),
});
const all = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};

test('generateText', async () => {
  await next(say('Hel', 'lo.'));
  const result = await generateText({ model: responses, maxRetries, system: 'Be brief.', prompt: 'Hi', maxOutputTokens: 64 });
  assert.equal(result.text, 'Hello.');
  assert.equal(result.finishReason, 'stop');
  assert.ok(result.usage.inputTokens > 0 && result.usage.outputTokens > 0);
  assert.match(result.providerMetadata.openai.responseId, /^resp_/);
  assert.equal(result.response.modelId, 'scripted');
  assert.deepEqual(result.warnings ?? [], []);
  assert.deepEqual(roles(await last()), ['system', 'user']);
});

test('streamText', async () => {
  await next(think('Let me ', 'look.'), say('One, ', 'two.'));
  const result = streamText({ model: responses, prompt: 'Count', maxRetries, providerOptions: { openai: { reasoningSummary: 'auto' } } });
  const parts = await all(result.fullStream ?? result.stream);
  const kinds = parts.map((p) => p.type);
  assert.ok(!kinds.includes('error'), JSON.stringify(parts.find((p) => p.type === 'error')));
  for (const kind of ['start', 'start-step', 'reasoning-start', 'reasoning-delta', 'reasoning-end', 'text-start', 'text-delta', 'text-end',
    'finish-step', 'finish']) assert.ok(kinds.includes(kind), `${kind} in ${kinds}`);
  assert.equal(await result.text, 'One, two.');
  assert.equal(await result.reasoningText, 'Let me look.');
  assert.ok((await result.usage).outputTokens > 0);
});

test('tools in several steps', async () => {
  await next(think('Two.'), calls(['weather', 'a', ['{"city":', '"Rome"}']], ['weather', 'b', ['{"city":"Oslo",', '"days":2}']]));
  await next(call('weather', '{"city":"Bern"}'));
  await next(say('Sunny.'));
  const result = await generateText({ model: responses, maxRetries, tools: { weather }, stopWhen: isStepCount(5), prompt: 'Weather?' });
  assert.equal(result.text, 'Sunny.');
  assert.equal(result.steps.length, 3);
  assert.deepEqual(result.steps[0].toolCalls.map((c) => c.input), [{ city: 'Rome' }, { city: 'Oslo', days: 2 }]);
  assert.deepEqual(roles(await last()), ['user', 'assistant', 'tool', 'tool', 'assistant', 'tool']);
});

test('streamed tools in several steps', async () => {
  await next(say('Look: '), call('weather', '{"ci', 'ty":"Rome"', '}'));
  await next(say('Sun', 'ny.'));
  const result = streamText({ model: responses, maxRetries, tools: { weather }, stopWhen: isStepCount(3), prompt: 'Weather?' });
  const kinds = (await all(result.fullStream ?? result.stream)).map((p) => p.type);
  for (const kind of ['tool-input-start', 'tool-input-delta', 'tool-input-end', 'tool-call', 'tool-result'])
    assert.ok(kinds.includes(kind), `${kind} in ${kinds}`);
  assert.equal(await result.text, 'Sunny.');
});

test('stateless tools with encrypted reasoning', async () => {
  await next(think('Secret ', 'plan.'), call('weather', '{"city":"Rome"}'));
  await next(say('Sunny.'));
  const result = await generateText({ model: responses, maxRetries, tools: { weather }, stopWhen: isStepCount(3), prompt: 'Weather?',
    providerOptions: { openai: { store: false, include: ['reasoning.encrypted_content'], reasoningEffort: 'high', reasoningSummary: 'auto' } } });
  assert.equal(result.text, 'Sunny.');
  assert.ok(result.steps[0].reasoning[0].providerOptions.openai.reasoningEncryptedContent);
  assert.ok(JSON.stringify(await last()).includes('Secret plan.'));
});

test('forced tool', async () => {
  await next(call('weather', '{"city":"Rome"}'));
  const result = await generateText({ model: responses, maxRetries, tools: { weather }, toolChoice: { type: 'tool', toolName: 'weather' }, prompt: 'Go' });
  assert.equal(result.toolResults[0].output.sun, true);
  assert.equal(result.finishReason, 'tool-calls');
  assert.equal((await last()).tool_choice, 'required');
});

test('objects', async () => {
  for (const model of [responses, chat]) {
    await next(say(JSON.stringify(CITY)));
    assert.deepEqual((await generateObject({ model, maxRetries, schema: City, prompt: 'A city' })).object, CITY);
    await next(say('{"name":"Bern",', '"inhabitants":130000,', '"twins":["X"]}'));
    const streamed = streamObject({ model, maxRetries, schema: City, prompt: 'A city' });
    const partial = await all(streamed.partialObjectStream);
    assert.deepEqual(partial.at(-1), CITY);
    assert.deepEqual(await streamed.object, CITY);
    await next(say('["a"', ',"b"]'));
    const loose = await generateObject({ model, maxRetries, output: 'no-schema', prompt: 'Any JSON' });
    assert.deepEqual(loose.object, ['a', 'b']);
  }
});

test('output with tools', async () => {
  await next(call('weather', '{"city":"Rome"}'));
  await next(say(JSON.stringify(CITY)));
  const result = await generateText({ model: responses, maxRetries, tools: { weather }, stopWhen: isStepCount(3), output: Output.object({ schema: City }), prompt: 'A city' });
  assert.deepEqual(result.output, CITY);
  await next(say('{"elements":["a",', '"b"]}'));
  const list = await generateText({ model: responses, maxRetries, output: Output.array({ element: z.string() }), prompt: 'A list' });
  assert.deepEqual(list.output, ['a', 'b']);
  await next(say('{"result":"b"}'));
  const choice = await generateText({ model: responses, maxRetries, output: Output.choice({ options: ['a', 'b'] }), prompt: 'Choose' });
  assert.equal(choice.output, 'b');
});

test('images', async () => {
  for (const model of [responses, chat]) {
    await next(say('A dot.'));
    const content = [{ type: 'text', text: 'What is this?' }, { type: 'file', data: Buffer.from(DOT, 'base64'), mediaType: 'image/png' }];
    assert.equal((await generateText({ model, maxRetries, messages: [{ role: 'user', content }] })).text, 'A dot.');
    assert.ok(JSON.stringify(await last()).includes(DOT));
  }
});

test('previousResponseId and conversation', async () => {
  await next(say('I am fine.'));
  const first = await generateText({ model: responses, maxRetries, prompt: 'How are you?' });
  await next(say('Again.'));
  const previousResponseId = first.providerMetadata.openai.responseId;
  await generateText({ model: responses, maxRetries, prompt: 'And?', providerOptions: { openai: { previousResponseId, instructions: 'Short.' } } });
  assert.deepEqual((await last()).messages.map((m) => m.content), ['Short.', 'How are you?', 'I am fine.', 'And?']);
  const made = await fetch(`${process.env.OPENAI_BASE_URL}/conversations`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  const conversation = (await made.json()).id;
  await next(say('One.'));
  await generateText({ model: responses, maxRetries, prompt: 'First', providerOptions: { openai: { conversation } } });
  await next(say('Two.'));
  await generateText({ model: responses, maxRetries, prompt: 'Second', providerOptions: { openai: { conversation } } });
  assert.deepEqual((await last()).messages.map((m) => m.content), ['First', 'One.', 'Second']);
});

test('history', async () => {
  const messages = [{ role: 'user', content: 'Weather?' }];
  await next(think('Hm.'), say('Look: '), call('weather', '{"city":"Rome"}'));
  await next(say('Sunny.'));
  const first = await generateText({ model: responses, maxRetries, tools: { weather }, stopWhen: isStepCount(3), messages });
  messages.push(...(first.responseMessages ?? first.response.messages), { role: 'user', content: 'Where?' });
  await next(say('Rome.'));
  assert.equal((await generateText({ model: responses, maxRetries, tools: { weather }, messages })).text, 'Rome.');
  assert.deepEqual(roles(await last()), ['user', 'assistant', 'tool', 'assistant', 'user']);
});

test('provider options', async () => {
  await next(say('Fine.'));
  const result = await generateText({ model: responses, maxRetries, prompt: 'Go', tools: { weather }, providerOptions: { openai: {
    metadata: { k: 'v' }, parallelToolCalls: false, user: 'me', strictJsonSchema: true, textVerbosity: 'low', serviceTier: 'auto',
    promptCacheKey: 'k', safetyIdentifier: 's', truncation: 'auto', maxToolCalls: 3, logprobs: 2, reasoningEffort: 'low' } } });
  assert.equal(result.text, 'Fine.');
  const stored = await fetch(`${process.env.OPENAI_BASE_URL}/responses/${result.providerMetadata.openai.responseId}`);
  const body = await stored.json();
  assert.deepEqual([body.metadata, body.truncation, body.max_tool_calls, body.prompt_cache_key], [{ k: 'v' }, 'auto', 3, 'k']);
});

test('custom tool', async () => {
  await next(call('sql', '{"input":"SELECT 1"}'));
  await next(say('One.'));
  const sql = openai.tools.customTool({ description: 'Runs SQL', format: { type: 'text' }, execute: async (input) => `ran ${input}` });
  const result = await generateText({ model: responses, maxRetries, tools: { sql }, stopWhen: isStepCount(3), prompt: 'Count' });
  assert.equal(result.text, 'One.');
  assert.equal((await last()).messages.at(-1).content, 'ran SELECT 1');
});

test('shell and patches', async () => {
  await next(call('shell', '{"commands":["ls"]}'));
  await next(call('apply_patch', '{"type":"create_file","path":"a.txt","diff":"+hi\\n"}'));
  await next(say('Done.'));
  const tools = {
    shell: openai.tools.shell({ execute: async () => ({ output: [{ stdout: 'a.txt', stderr: '', outcome: { type: 'exit', exitCode: 0 } }] }) }),
    apply_patch: openai.tools.applyPatch({ execute: async () => ({ status: 'completed', output: 'made' }) }),
  };
  const result = await generateText({ model: responses, maxRetries, tools, stopWhen: isStepCount(4), prompt: 'Go' });
  assert.equal(result.text, 'Done.');
  assert.ok(JSON.stringify(await last()).includes('a.txt'));
});

for (const approved of [true, false])
  test(`hosted mcp, ${approved ? 'approved' : 'refused'}`, async () => {
    const tools = { calc: openai.tools.mcp({ serverLabel: 'calc', serverUrl: process.env.MCP_URL, requireApproval: 'always' }) };
    await next(call('calc__add', '{"a":2,"b":3}'));
    const first = await generateText({ model: responses, maxRetries, tools, prompt: '2+3?' });
    const request = first.content.find((p) => p.type === 'tool-approval-request');
    assert.ok(request, JSON.stringify(first.content));
    const answer = { type: 'tool-approval-response', approvalId: request.approvalId, approved, providerExecuted: true, ...(approved ? {} : { reason: 'too dangerous' }) };
    await next(say('Done.'));
    const messages = [{ role: 'user', content: '2+3?' }, ...first.response.messages, { role: 'tool', content: [answer] }];
    const result = await generateText({ model: responses, maxRetries, tools, messages });
    assert.equal(result.text, 'Done.');
    const told = JSON.stringify((await last()).messages);
    assert.ok(approved ? told.includes('5') : told.includes('too dangerous') || told.includes('refused'), told);
    assert.equal(result.content.some((p) => p.type === 'tool-result'), approved);
  });

test('hosted mcp without approvals', async () => {
  const tools = { calc: openai.tools.mcp({ serverLabel: 'calc', serverUrl: process.env.MCP_URL, requireApproval: 'never', allowedTools: ['add'] }) };
  await next(call('calc__add', '{"a":2,"b":3}'));
  await next(say('Five.'));
  const result = streamText({ model: responses, maxRetries, tools, prompt: '2+3?' });
  const parts = await all(result.fullStream ?? result.stream);
  assert.ok(!parts.some((p) => p.type === 'error'), JSON.stringify(parts.find((p) => p.type === 'error')));
  assert.equal(await result.text, 'Five.');
  assert.equal(parts.filter((p) => p.type === 'tool-result').length, 1);
});

test('agent', async () => {
  await next(call('weather', '{"city":"Rome"}'));
  await next(say('Sun', 'ny.'));
  const agent = new ToolLoopAgent({ model: responses, instructions: 'Be brief.', tools: { weather }, maxRetries });
  assert.equal((await agent.generate({ prompt: 'Weather?' })).text, 'Sunny.');
});

test('abort', async () => {
  await next(say('Once upon'), hang());
  const controller = new AbortController();
  const result = streamText({ model: responses, maxRetries, prompt: 'Endless', abortSignal: controller.signal });
  const kinds = [];
  for await (const part of result.fullStream ?? result.stream) {
    kinds.push(part.type);
    if (part.type === 'text-delta') controller.abort();
  }
  assert.ok(kinds.includes('abort'));
  assert.equal(await left(), true);
});

test('web search is refused where there is none', async () => {
  const tools = { web_search: openai.tools.webSearch({}) };
  await assert.rejects(generateText({ model: responses, maxRetries, tools, prompt: 'News?' }),
    (e) => APICallError.isInstance(e) && e.statusCode === 400 && e.message.includes('web_search') && !e.isRetryable);
  assert.equal((await asked()).length, 0);
});

test('errors and ends', async () => {
  await next(status(400, { code: 400, message: 'no such thing', type: 'invalid_request_error' }));
  await assert.rejects(generateText({ model: responses, maxRetries, prompt: 'Fail' }), (e) => e.statusCode === 400);
  await next(say('Half a'), finish('length'));
  assert.equal((await generateText({ model: responses, maxRetries, prompt: 'Talk' })).finishReason, 'length');
  await next(status(500, { code: 500, message: 'broken', type: 'server_error' }));
  const streamed = streamText({ model: responses, maxRetries, prompt: 'Fail', onError: () => {} });
  assert.ok((await all(streamed.fullStream ?? streamed.stream)).some((p) => p.type === 'error'));
});

test('chat completions', async () => {
  await next(call('weather', '{"city":', '"Rome"}'));
  await next(say('Sunny.'));
  const result = await generateText({ model: chat, maxRetries, tools: { weather }, stopWhen: isStepCount(3), prompt: 'Weather?' });
  assert.equal(result.text, 'Sunny.');
  await next(say('One, ', 'two.'));
  const streamed = streamText({ model: chat, maxRetries, prompt: 'Count' });
  assert.equal(await streamed.text, 'One, two.');
  assert.ok((await streamed.usage).inputTokens > 0);
});

test('named provider', async () => {
  const named = createOpenAI({ name: 'house', baseURL: process.env.OPENAI_BASE_URL, apiKey: 'any', organization: 'o' });
  await next(say('Hello.'));
  assert.equal((await generateText({ model: named.responses('gpt-4o-mini'), maxRetries, prompt: 'Hi' })).text, 'Hello.');
});
