// The official Node SDK against a server with engines for sound, pictures and moderations (see ../test_sdk_node.py).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ maxRetries: 0 });
const PNG = [0x89, 0x50, 0x4e, 0x47];
const first = (b64) => [...Buffer.from(b64, 'base64').subarray(0, 4)];

test('speech and transcription', async () => {
  const sound = await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello', response_format: 'wav' });
  const bytes = Buffer.from(await sound.arrayBuffer());
  assert.equal(bytes.subarray(0, 4).toString(), 'RIFF');
  const heard = await client.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(bytes, 'a.wav') });
  assert.equal(heard.text, 'heard');
});

test('pictures', async () => {
  const made = await client.images.generate({ prompt: 'a cat' });
  assert.deepEqual(first(made.data[0].b64_json), PNG);
  const image = await toFile(Buffer.from(made.data[0].b64_json, 'base64'), 'a.png', { type: 'image/png' });
  const changed = await client.images.edit({ prompt: 'a dog', image: [image, image] });
  assert.deepEqual(first(changed.data[0].b64_json), PNG);
  const masked = await client.images.edit({ prompt: 'a dog', image, mask: image });
  assert.deepEqual(first(masked.data[0].b64_json), PNG);
  const varied = await client.images.createVariation({ image });
  assert.deepEqual(first(varied.data[0].b64_json), PNG);
  const file = await client.files.create({ file: image, purpose: 'vision' });
  const named = await client.post('/images/edits', { body: { prompt: 'a dog', images: [{ file_id: file.id }] } });
  assert.deepEqual(first(named.data[0].b64_json), PNG);
  const types = [];
  for await (const event of await client.images.generate({ prompt: 'a cat', stream: true })) types.push(event.type);
  assert.deepEqual(types, ['image_generation.completed']);
});

test('a batch of pictures', async () => {
  const lines = [1, 2].map((i) => JSON.stringify({
    custom_id: `line-${i}`, method: 'POST', url: '/v1/images/generations', body: { prompt: `cat ${i}` } }));
  const file = await client.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'), purpose: 'batch' });
  let got = await client.batches.create({ input_file_id: file.id, endpoint: '/v1/images/generations', completion_window: '24h' });
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(got.status)) got = await client.batches.retrieve(got.id);
  assert.deepEqual(got.request_counts, { total: 2, completed: 2, failed: 0 });
  const rows = (await (await client.files.content(got.output_file_id)).text()).trim().split('\n').map(JSON.parse);
  for (const row of rows) assert.deepEqual(first(row.response.body.data[0].b64_json), PNG);
});

test('moderations', async () => {
  assert.equal((await client.moderations.create({ input: 'kill' })).results[0].flagged, true);
});
