// WebSocket mode through the official Node SDK, `ResponsesWS`, against the server at OPENAI_BASE_URL (see
// ../test_sdk_node.py); the one at SHORT_BASE_URL has keys, closes a socket after a second and takes frames up to 64 KiB.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';

const model = 'scripted';
const client = new OpenAI({ maxRetries: 0 });
const short = (apiKey, more) => new OpenAI({ baseURL: process.env.SHORT_BASE_URL, apiKey, maxRetries: 0, ...more });
const { RED_KEY, BLUE_KEY } = process.env;
const tools = [{
  type: 'function', name: 'get_weather', description: 'The weather somewhere', strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
}];

// A socket whose events and errors are kept in order, to be waited for.
class Socket {
  constructor(from = client, options = undefined) {
    this.ws = new ResponsesWS(from, options);
    this.seen = [];
    this.wake = () => {};
    const keep = (what) => { this.seen.push(what); this.wake(); };
    this.ws.on('event', (event) => { if (event.type !== 'error') keep(event); });
    this.ws.on('error', (error) => keep(error.error ?? { type: 'failed', message: error.message }));
    this.ws.on('close', (code, reason) => keep({ type: 'closed', code, reason: String(reason) }));
    this.ws.on('reconnecting', (event) => keep({ type: 'reconnecting', code: event.closeCode }));
    this.ws.on('reconnected', () => keep({ type: 'reconnected' }));
  }
  async next() {
    while (!this.seen.length) await new Promise((resolve) => { this.wake = resolve; });
    return this.seen.shift();
  }
  async until(...types) {
    const all = [];
    do all.push(await this.next()); while (!types.includes(all.at(-1).type) || (all.at(-1).type === 'error' && !all.at(-1).status));
    return all;
  }
  create(input, more) { this.ws.send({ type: 'response.create', model, input, ...more }); }
  async run(input, more) {
    this.create(input, more);
    const last = (await this.until('response.completed', 'response.failed', 'error', 'closed', 'failed')).at(-1);
    assert.equal(last.type, 'response.completed', JSON.stringify(last));
    return last.response;
  }
  async refused(input, more) {
    this.create(input, more);
    const all = await this.until('response.completed', 'response.failed', 'error', 'closed', 'failed');
    assert.deepEqual(all.map((e) => e.type), ['error']);
    return all[0];
  }
}

async function withSocket(run, from, options) {
  const socket = new Socket(from, options);
  try { await run(socket); } finally { socket.ws.close(); }
}

const textOf = (response) => response.output.filter((item) => item.type === 'message')
  .flatMap((item) => item.content.map((part) => part.text)).join('');

test('ws: text turn', () => withSocket(async (socket) => {
  socket.create('hi');
  const events = await socket.until('response.completed');
  assert.deepEqual(events.slice(0, 2).map((e) => e.type), ['response.created', 'response.in_progress']);
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  assert.equal(textOf(events.at(-1).response), 'You said: hi.');
  assert.equal((await client.responses.retrieve(events.at(-1).response.id)).output_text, 'You said: hi.');
}));

test('ws: async iterator', async () => {
  const ws = new ResponsesWS(client);
  const seen = [];
  for await (const event of ws.stream()) {
    seen.push(event.type);
    if (event.type === 'open') ws.send({ type: 'response.create', model, input: 'hi' });
    if (event.type === 'connecting') ws.send({ type: 'response.create', model, input: 'queued' });
    if (event.type === 'message' && event.message.type === 'response.completed') {
      seen.push(textOf(event.message.response));
      if (seen.includes('You said: hi.')) ws.close();
    }
  }
  assert.ok(seen.includes('You said: queued.') && seen.at(-1) === 'close', seen.join());
});

test('ws: continue, stored', () => withSocket(async (socket) => {
  const one = await socket.run('one');
  const two = await socket.run('two', { previous_response_id: one.id });
  const three = await client.responses.create({ model, input: 'script list', previous_response_id: two.id });
  assert.equal(three.output_text, 'one|two|script list');
}));

test('ws: continue, not stored', () => withSocket(async (socket) => {
  const one = await socket.run('one', { store: false });
  const two = await socket.run('two', { store: false, previous_response_id: one.id });
  const three = await socket.run('script list', { store: false, previous_response_id: two.id });
  assert.equal(textOf(three), 'one|two|script list');
  await assert.rejects(client.responses.retrieve(two.id), OpenAI.NotFoundError);
}));

test('ws: function call loop', () => withSocket(async (socket) => {
  let response = await socket.run('script call', { tools, store: false });
  const call = response.output.find((item) => item.type === 'function_call');
  assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
  response = await socket.run([{ type: 'function_call_output', call_id: call.call_id, output: '20' }],
    { tools, store: false, previous_response_id: response.id });
  assert.equal(textOf(response), 'done');
}));

test('ws: warm-up', () => withSocket(async (socket) => {
  const warm = await socket.run('warm', { generate: false, store: false, tools });
  assert.deepEqual(warm.output, []);
  const response = await socket.run('script list', { previous_response_id: warm.id, store: false });
  assert.match(textOf(response), /^warm\s*\|?\s*script list$/);
}));

test('ws: lanes', () => withSocket(async (socket) => {
  const lanes = ['a', 'b', 'c', 'd'];
  for (const lane of lanes) socket.create(`for ${lane}`, { stream_id: lane });
  const ends = {};
  while (Object.keys(ends).length < lanes.length) {
    const event = (await socket.until('response.completed')).at(-1);
    ends[event.stream_id] = textOf(event.response);
  }
  for (const lane of lanes) assert.equal(ends[lane], `You said: for ${lane}.`);
}));

test('ws: errors leave it usable', () => withSocket(async (socket) => {
  const error = await socket.refused('x', { temperature: 7, stream_id: 'lane' });
  assert.deepEqual([error.status, error.stream_id, error.error.param], [400, 'lane', 'temperature']);
  assert.equal((await socket.refused('x', { previous_response_id: 'resp_00' })).error.code, 'previous_response_not_found');
  assert.equal((await socket.refused('x', { model: 'nowhere' })).error.code, 'model_not_found');
  socket.ws.sendRaw('{');
  assert.equal((await socket.until('error')).at(-1).status, 400);
  assert.equal(textOf(await socket.run('hi')), 'You said: hi.');
}));

test('ws: steering fails by name', () => withSocket(async (socket) => {
  socket.ws.send({ type: 'response.steer', previous_response_id: 'resp_00', input: 'faster' });
  const event = (await socket.until('response.steer.failed')).at(-1);
  assert.equal(event.error.code, 'response_not_found');
  assert.equal(event.steer.input, 'faster');
}));

test('ws: steering', () => withSocket(async (socket) => {
  socket.ws.send({ type: 'response.create', model, input: 'script endless' });
  const id = (await socket.until('response.created')).at(-1).response.id;
  socket.ws.send({ type: 'response.steer', previous_response_id: id, input: 'faster' });
  const event = (await socket.until('response.steer.accepted')).at(-1);
  assert.equal(event.steer.previous_response_id, id);
}));

test('ws: a wrong key', () => withSocket(async (socket) => {
  assert.match((await socket.until('failed')).at(-1).message, /401/);
  assert.equal((await socket.until('closed')).at(-1).code, 1006);
}, short('sk-wrong')));

test('ws: projects', () => withSocket(async (ours) => {
  const one = await ours.run('one');
  await withSocket(async (theirs) => {
    assert.equal((await theirs.refused('two', { previous_response_id: one.id })).error.code, 'previous_response_not_found');
  }, short(BLUE_KEY));
}, short(RED_KEY)));

test('ws: sixty minutes', () => withSocket(async (socket) => {
  await socket.run('hi');
  const error = (await socket.until('error')).at(-1);
  assert.deepEqual([error.status, error.error.code], [400, 'websocket_connection_limit_reached']);
  assert.equal((await socket.until('closed')).at(-1).code, 1001);
}, short(RED_KEY)));

test('ws: a frame over the limit', () => withSocket(async (socket) => {
  socket.create('x'.repeat(70000));
  assert.equal((await socket.until('closed')).at(-1).code, 1009);
}, short(RED_KEY)));

test('ws: reconnects after the limit', () => withSocket(async (socket) => {
  const one = await socket.run('one');
  assert.equal((await socket.until('reconnecting')).at(-1).code, 1001);
  socket.create('script list', { previous_response_id: one.id });  // queued until the next socket is open
  const response = (await socket.until('response.completed')).at(-1).response;
  assert.equal(textOf(response), 'one|script list');
}, short(RED_KEY), { reconnect: { onReconnecting: () => undefined, initialDelay: 10 } }));
