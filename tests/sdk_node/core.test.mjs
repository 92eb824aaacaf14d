// The official Node SDK against the server at OPENAI_BASE_URL, whose engine answers "You said: <input>." or, for
// inputs that name a script, what that script says (see ../test_sdk_node.py).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ maxRetries: 0 });
const model = 'scripted';
const tools = [{
  type: 'function', name: 'get_weather', description: 'The weather somewhere', strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
}];

test('create and retrieve', async () => {
  const made = await client.responses.create({ model, input: 'hi', metadata: { a: 'b' } });
  assert.equal(made.output_text, 'You said: hi.');
  assert.equal(made.status, 'completed');
  const again = await client.responses.retrieve(made.id);
  assert.deepEqual(again.output, made.output);
  assert.deepEqual(again.metadata, { a: 'b' });
});

test('continue and fork', async () => {
  const root = await client.responses.create({ model, input: 'root' });
  const forks = await Promise.all([1, 2, 3].map((i) =>
    client.responses.create({ model, input: `fork ${i}`, previous_response_id: root.id })));
  assert.deepEqual(forks.map((r) => r.output_text), ['You said: fork 1.', 'You said: fork 2.', 'You said: fork 3.']);
  for (const fork of forks) assert.equal(fork.previous_response_id, root.id);
});

test('delete', async () => {
  const made = await client.responses.create({ model, input: 'hi' });
  await client.responses.delete(made.id);
  await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
});

test('input items', async () => {
  const made = await client.responses.create({
    model, input: Array.from({ length: 25 }, (_, i) => ({ role: 'user', content: String(i) })) });
  const seen = [];
  for await (const item of client.responses.inputItems.list(made.id, { order: 'asc', limit: 4 })) seen.push(item.content[0].text);
  assert.deepEqual(seen, Array.from({ length: 25 }, (_, i) => String(i)));
});

test('conversations', async () => {
  const made = await client.conversations.create({
    metadata: { topic: 'demo' }, items: [{ type: 'message', role: 'user', content: 'Hello!' }] });
  assert.deepEqual(await client.conversations.retrieve(made.id), made);
  assert.deepEqual((await client.conversations.update(made.id, { metadata: { a: 'b' } })).metadata, { a: 'b' });
  const added = await client.conversations.items.create(made.id, {
    items: [{ type: 'message', role: 'assistant', content: 'Hi.' }, { type: 'message', role: 'user', content: 'extra' }],
    include: ['message.output_text.logprobs'] });
  const item = await client.conversations.items.retrieve(added.data[0].id, { conversation_id: made.id });
  assert.deepEqual(item, added.data[0]);
  assert.equal((await client.conversations.items.delete(added.data[1].id, { conversation_id: made.id })).id, made.id);
  const response = await client.responses.create({ model, input: 'go on', conversation: made.id });
  assert.deepEqual(response.conversation, { id: made.id });
  const final = await client.responses.stream({ model, input: 'and on', conversation: made.id }).finalResponse();
  assert.deepEqual(final.conversation, { id: made.id });
  const seen = [];
  for await (const one of client.conversations.items.list(made.id, { order: 'asc', limit: 2 })) seen.push(one.content[0].text);
  assert.deepEqual(seen, ['Hello!', 'Hi.', 'go on', 'You said: go on.', 'and on', 'You said: and on.']);
  assert.equal((await client.conversations.delete(made.id)).deleted, true);
  await assert.rejects(client.conversations.retrieve(made.id), OpenAI.NotFoundError);
});

test('stream', async () => {
  const events = [];
  for await (const event of await client.responses.create({ model, input: 'hi', stream: true })) events.push(event);
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
});

test('stream helper', async () => {
  const stream = client.responses.stream({ model, input: 'hi' });
  let text = '';
  stream.on('response.output_text.delta', (e) => { text += e.delta; });
  const final = await stream.finalResponse();
  assert.equal(text, 'You said: hi.');
  assert.equal(final.output_text ?? text, text);
});

test('stream helper with reasoning, text and calls', async () => {
  const stream = client.responses.stream({ model, input: 'script everything', tools });
  const kinds = new Set();
  for await (const event of stream) kinds.add(event.type);
  const final = await stream.finalResponse();
  assert.deepEqual(final.output.map((i) => i.type), ['reasoning', 'message', 'function_call', 'function_call']);
  assert.ok(kinds.has('response.reasoning_text.delta'));
  assert.ok(kinds.has('response.function_call_arguments.delta'));
});

test('tool loop', async () => {
  assert.ok((await client.responses.inputTokens.count({ model, input: 'script call', tools })).input_tokens > 20);
  const first = await client.responses.create({ model, input: 'script call', tools });
  const call = first.output.at(-1);
  assert.equal(call.type, 'function_call');
  assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
  const second = await client.responses.create({ model, previous_response_id: first.id, tools,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }] });
  assert.equal(second.status, 'completed');
});

test('structured output', async () => {
  const format = { type: 'json_schema', name: 'city', strict: true, schema: tools[0].parameters };
  const response = await client.responses.parse({ model, input: 'script city', text: { format } });
  assert.deepEqual(response.output_parsed ?? JSON.parse(response.output_text), { city: 'Paris' });
});

test('errors', async () => {
  await assert.rejects(client.responses.create({ model, input: 'x', temperature: 3 }), (e) => {
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.equal(e.param, 'temperature');
    assert.equal(e.type, 'invalid_request_error');
    assert.match(e.requestID, /^req_/);
    return true;
  });
  await assert.rejects(client.responses.retrieve('resp_0123456789abcdef0123456789abcdef'), OpenAI.NotFoundError);
  await assert.rejects(client.responses.create({ model: 'no-such-model', input: 'x' }),
    (e) => e.code === 'model_not_found');
});

test('a client that aborts', async () => {
  const stream = await client.responses.create({ model, input: 'script endless', stream: true });
  let id;
  for await (const event of stream) {
    id ??= event.response?.id;
    if (event.type === 'response.output_text.delta') break;
  }
  stream.controller.abort();
  for (let i = 0; ; i++) {
    const kept = await client.responses.retrieve(id).catch((e) => e);
    if (kept.status === 'cancelled') break;
    assert.ok(i < 1500, 'the stored turn was not kept');
    await new Promise((done) => setTimeout(done, 20));
  }
});

test('chat completions', async () => {
  const messages = [{ role: 'user', content: 'hi' }];
  const done = await client.chat.completions.create({ model, messages });
  assert.equal(done.choices[0].message.content, 'You said: hi.');
  assert.equal(done.choices[0].finish_reason, 'stop');
  let text = '', usage;
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true,
    stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, 'You said: hi.');
  assert.ok(usage.total_tokens > 0);
  const two = await client.chat.completions.create({ model, messages, n: 2 });
  assert.equal(two.choices.length, 2);
});

test('chat completions with tools', async () => {
  const chatTools = [{ type: 'function', function: { name: 'get_weather', parameters: tools[0].parameters } }];
  const stream = client.chat.completions.stream({ model, tools: chatTools, messages: [{ role: 'user', content: 'script call' }] });
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments), { city: 'Paris' });
});

test('models', async () => {
  const names = [];
  for await (const m of client.models.list()) names.push(m.id);
  assert.ok(names.includes(model));
});

test('background: poll, stream again, cancel', async () => {
  const made = await client.responses.create({ model, input: 'hi', background: true });
  assert.equal(made.status, 'queued');
  let now = made;
  while (['queued', 'in_progress'].includes(now.status)) now = await client.responses.retrieve(made.id);
  assert.equal(now.output_text, 'You said: hi.');
  const events = [];
  for await (const event of await client.responses.retrieve(made.id, { stream: true, starting_after: 4 })) events.push(event);
  assert.equal(events[0].sequence_number, 5);
  assert.equal(events.at(-1).type, 'response.completed');
  await assert.rejects(client.responses.cancel(made.id), OpenAI.BadRequestError);
  const endless = await client.responses.create({ model, input: 'script endless', background: true });
  const ended = await client.responses.cancel(endless.id);
  assert.equal(ended.status, 'cancelled');
  assert.deepEqual(await client.responses.cancel(endless.id), ended);
});

test('background: the stream helper goes on by response_id', async () => {
  let id, last;
  const first = await client.responses.create({ model, input: 'script everything', tools, background: true, stream: true });
  for await (const event of first) {
    id ??= event.response.id;
    last = event.sequence_number;
    if (event.type === 'response.output_text.delta') break;
  }
  const seen = [];
  const helper = client.responses.stream({ response_id: id, starting_after: last });
  helper.on('event', (event) => seen.push(event.sequence_number));
  const final = await helper.finalResponse();
  assert.equal(seen[0], last + 1);
  assert.deepEqual(final.output.map((item) => item.type), ['reasoning', 'message', 'function_call', 'function_call']);
});

test('stored chat completions', async () => {
  const messages = [{ role: 'user', content: 'hi' }, { role: 'assistant', content: 'Hello.' }, { role: 'user', content: 'again' }];
  const made = await client.chat.completions.create({ model, messages, store: true, metadata: { sdk: 'node' } });
  const streamed = await client.chat.completions.stream({ model, messages, store: true, metadata: { sdk: 'node' } }).finalChatCompletion();
  const seen = [];
  for await (const one of client.chat.completions.list({ metadata: { sdk: 'node' }, limit: 1 })) seen.push(one.id);
  assert.deepEqual(seen, [streamed.id, made.id]); // the newest first, as live
  const kept = await client.chat.completions.retrieve(made.id);
  // As live, a kept message has fewer members than the answer had; what was said is the same.
  const told = (c) => [c.index, c.finish_reason, c.message.role, c.message.content];
  assert.deepEqual(kept.choices.map(told), made.choices.map(told));
  assert.deepEqual([kept.choices[0].message.tool_calls, kept.choices[0].message.function_call], [null, null]);
  assert.deepEqual((await client.chat.completions.update(made.id, { metadata: { a: 'b' } })).metadata, { a: 'b' });
  const said = [];
  for await (const m of client.chat.completions.messages.list(made.id, { limit: 2 })) said.push([m.id, m.content]);
  assert.deepEqual(said, messages.map((m, i) => [`${made.id}-${i}`, m.content]));
  assert.deepEqual(await client.chat.completions.delete(made.id), { object: 'chat.completion.deleted', id: made.id, deleted: true });
  await assert.rejects(client.chat.completions.retrieve(made.id), OpenAI.NotFoundError);
});

test('prompt templates', async () => {
  const made = await client.post('/prompts', { body: { name: 'node', model, input: [{ role: 'user', content: 'Greet {{name}}' }] } });
  const response = await client.responses.create({ prompt: { id: made.id, variables: { name: 'Ann' } } });
  assert.equal(response.output_text, 'You said: Greet Ann.');
  assert.deepEqual(response.prompt, { id: made.id, variables: { name: 'Ann' }, version: '1' });
  const streamed = await client.responses.stream({ prompt: { id: made.id, variables: { name: 'Bo' } } }).finalResponse();
  assert.equal(streamed.prompt.version, '1');
  await assert.rejects(client.responses.create({ prompt: { id: made.id } }), (e) => e.status === 400 && e.param === 'prompt.variables.name');
  await client.delete(`/prompts/${made.id}`);
  await assert.rejects(client.responses.create({ prompt: { id: made.id, variables: { name: 'x' } } }), OpenAI.NotFoundError);
});

test('files', async () => {
  const bytes = Buffer.alloc(300000, 'abc');
  const made = await client.files.create({ file: await toFile(bytes, 'naïve "x".txt'), purpose: 'user_data' });
  assert.equal(made.filename, 'naïve "x".txt');
  assert.deepEqual(await client.files.retrieve(made.id), made);
  assert.deepEqual(await client.files.waitForProcessing(made.id), made);
  assert.deepEqual(Buffer.from(await (await client.files.content(made.id)).arrayBuffer()), bytes);
  const seen = [];
  for await (const file of client.files.list({ limit: 1, purpose: 'user_data' })) seen.push(file.id);
  assert.ok(seen.includes(made.id));
  assert.deepEqual(await client.files.delete(made.id), { object: 'file', deleted: true, id: made.id });
  await assert.rejects(client.files.retrieve(made.id), OpenAI.NotFoundError);
  const expires_after = { anchor: 'created_at', seconds: 3600 };
  const brief = await client.files.create({ file: await toFile(Buffer.from('x'), 'x'), purpose: 'vision', expires_after });
  assert.equal(brief.expires_at, brief.created_at + 3600);
});

test('batches', async () => {
  const lines = [1, 2, 3].map((i) => JSON.stringify({
    custom_id: `line-${i}`, method: 'POST', url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: `n ${i}` }] } }));
  const file = await client.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'), purpose: 'batch' });
  const made = await client.batches.create({
    input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h', metadata: { a: 'b' } });
  assert.equal(made.object, 'batch');
  let got = made;
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(got.status)) got = await client.batches.retrieve(made.id);
  assert.equal(got.status, 'completed');
  assert.deepEqual(got.request_counts, { total: 3, completed: 3, failed: 0 });
  const rows = (await (await client.files.content(got.output_file_id)).text()).trim().split('\n').map(JSON.parse);
  assert.deepEqual(rows.map((r) => r.response.body.choices[0].message.content), [1, 2, 3].map((i) => `You said: n ${i}.`));
  const seen = [];
  for await (const batch of client.batches.list({ limit: 1 })) seen.push(batch.id);
  assert.ok(seen.includes(made.id));
  await assert.rejects(client.batches.cancel(made.id), (e) => e.status === 400);
});

test('skills', async () => {
  const matter = (name) => Buffer.from(`---\nname: ${name}\ndescription: Adds.\n---\nText.\n`);
  const made = await client.skills.create({ files: [await toFile(matter('one'), 'x/SKILL.md'), await toFile(Buffer.from('1'), 'x/lib/y.py')] });
  assert.equal(made.name, 'one');
  const next = await client.skills.versions.create(made.id, { files: [await toFile(matter('two'), 'x/SKILL.md')], default: true });
  assert.equal(next.version, '2');
  assert.equal((await client.skills.retrieve(made.id)).name, 'two');
  const seen = [];
  for await (const v of client.skills.versions.list(made.id, { order: 'asc' })) seen.push(v.version);
  assert.deepEqual(seen, ['1', '2']);
  assert.equal((await client.skills.update(made.id, { default_version: '1' })).default_version, '1');
  assert.equal((await client.skills.versions.delete('2', { skill_id: made.id })).object, 'skill.version.deleted');
  const zip = Buffer.from(await (await client.skills.content.retrieve(made.id)).arrayBuffer());
  assert.equal(zip.subarray(0, 2).toString(), 'PK');
  assert.ok((await client.skills.delete(made.id)).deleted);
  await assert.rejects(client.skills.retrieve(made.id), OpenAI.NotFoundError);
});

test('uploads', async () => {
  const upload = await client.uploads.create({ filename: 'a.txt', purpose: 'assistants', bytes: 6, mime_type: 'text/plain' });
  const part = async (text) => client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(text), 'part') });
  const parts = [await part('abc'), await part('def')];
  const done = await client.uploads.complete(upload.id, { part_ids: parts.map((p) => p.id) });
  assert.equal(done.status, 'completed');
  assert.equal(await (await client.files.content(done.file.id)).text(), 'abcdef');
  const other = await client.uploads.create({ filename: 'a', purpose: 'assistants', bytes: 6, mime_type: 'text/plain' });
  assert.equal((await client.uploads.cancel(other.id)).status, 'cancelled');
});

test('vector stores: the polling helpers', async () => {
  const store = await client.vectorStores.create({ name: 'fruit' });
  const one = await client.vectorStores.files.uploadAndPoll(store.id, await toFile(Buffer.from('The apple is red.'), 'apple.txt'));
  assert.equal(one.status, 'completed');
  const pear = await client.files.create({ file: await toFile(Buffer.from('The pear is green.'), 'pear.md'), purpose: 'assistants' });
  const two = await client.vectorStores.files.createAndPoll(store.id, { file_id: pear.id, attributes: { kind: 'pear' } });
  assert.deepEqual([two.status, two.id, two.attributes], ['completed', pear.id, { kind: 'pear' }]);
  const files = await Promise.all(['fig', 'plum'].map((name) => toFile(Buffer.from(`The ${name} is blue.`), `${name}.txt`)));
  const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files, fileIds: [pear.id] });
  assert.deepEqual([batch.status, batch.file_counts.completed], ['completed', 3]);
  const names = [];
  for await (const hit of client.vectorStores.search(store.id, { query: 'blue' })) names.push(hit.filename);
  assert.deepEqual(names.sort(), ['fig.txt', 'plum.txt']);
  const bad = await client.vectorStores.files.uploadAndPoll(store.id, await toFile(Buffer.from([0, 1, 2, 255]), 'a.bin'));
  assert.deepEqual([bad.status, bad.last_error.code], ['failed', 'unsupported_file']);
  assert.equal((await client.vectorStores.retrieve(store.id)).file_counts.total, 5);
  assert.equal((await client.vectorStores.delete(store.id)).deleted, true);
});
