// The official Node SDK's webhooks: endpoints at the server of OPENAI_BASE_URL, and what it delivers to a receiver in here.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import OpenAI from 'openai';

const client = new OpenAI({ maxRetries: 0 });
const statuses = [];
const got = [];
let arrived = () => {};

const receiver = createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    got.push({ body: Buffer.concat(pieces).toString(), headers: request.headers });
    response.writeHead(statuses.shift() ?? 200).end();
    arrived();
  });
});

const listening = new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
async function hookUrl() {
  await listening;
  return `http://127.0.0.1:${receiver.address().port}/hook`;
}

async function came(n) {
  while (got.length < n) await new Promise((resolve) => { arrived = resolve; });
}

test('endpoints', async () => {
  const url = await hookUrl();
  assert.ok((await client.webhooks.eventTypes.list()).data.includes('response.completed'));
  const made = await client.webhooks.create({ name: 'one', url, event_types: ['response.completed'] });
  const { signing_secret, ...shown } = made;
  assert.match(signing_secret, /^whsec_/);
  assert.deepEqual(await client.webhooks.retrieve(made.id), shown);
  assert.deepEqual(await client.webhooks.update(made.id), shown);
  assert.equal((await client.webhooks.update(made.id, { name: 'two' })).name, 'two');
  const more = await client.webhooks.create({ name: 'more', url, event_types: ['response.failed'] });
  const ids = [];
  for await (const one of client.webhooks.list({ limit: 1 })) ids.push(one.id);
  assert.deepEqual(ids, [more.id, made.id]);
  assert.notEqual((await client.webhooks.rotateSecret(made.id)).signing_secret, signing_secret);
  for (const id of ids) assert.deepEqual(await client.webhooks.delete(id), { id, object: 'webhook_endpoint.deleted', deleted: true });
  await assert.rejects(client.webhooks.retrieve(made.id), OpenAI.NotFoundError);
});

test('unwrap', async () => {
  const url = await hookUrl();
  const hook = await client.webhooks.create({ name: 'one', url, event_types: ['response.completed'] });
  const rotated = await client.webhooks.rotateSecret(hook.id, { keep_old_secret_active_for_24_hours: true });
  statuses.push(500);
  const response = await client.responses.create({ model: 'scripted', input: 'hi', background: true });
  await came(2);
  for (const { body, headers } of got)
    for (const secret of [hook.signing_secret, rotated.signing_secret]) {
      const event = await client.webhooks.unwrap(body, headers, secret);
      assert.equal(event.type, 'response.completed');
      assert.equal(event.data.id, response.id);
    }
  assert.equal(got[0].headers['webhook-id'], got[1].headers['webhook-id']);
  await assert.rejects(client.webhooks.unwrap(`${got[0].body} `, got[0].headers, hook.signing_secret),
    OpenAI.InvalidWebhookSignatureError);
  assert.equal((await client.webhooks.test(hook.id, { event_type: 'response.failed' })).status_code, 200);
  assert.equal((await client.webhooks.unwrap(got[2].body, got[2].headers, rotated.signing_secret)).type, 'response.failed');
});
