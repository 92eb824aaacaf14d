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
  const types = [];
  for await (const event of await client.images.generate({ prompt: 'a cat', stream: true })) types.push(event.type);
  assert.deepEqual(types, ['image_generation.completed']);
});

test('moderations', async () => {
  assert.equal((await client.moderations.create({ input: 'kill' })).results[0].flagged, true);
});
