// The README's programs through the Node SDK, streamed, on the model that answers gpt-* names.
// Only OPENAI_BASE_URL and OPENAI_API_KEY are set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const client = new OpenAI();

async function streamed(body) {
  const stream = client.responses.stream(body);
  let text = '';
  for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
  const response = await stream.finalResponse();
  assert.ok(['completed', 'incomplete'].includes(response.status), response.status);
  assert.equal(response.output[0].content[0].text, text);
  return response;
}

test('program 1', async () => {
  const response = await streamed({ model: 'gpt-4.1-mini', input: 'Summarize the key features of the Response API in 3 lines.' });
  assert.ok(response.output[0].content[0].text.trim());
});

test('program 2', async () => {
  let text = '', reason, usage;
  for await (const chunk of await client.chat.completions.create({ model: 'gpt-4o', stream: true,
    stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'Explain the OpenAI Responses API.' }] })) {
    text += chunk.choices[0]?.delta.content ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.trim());
  assert.ok(['stop', 'length'].includes(reason), reason);
  assert.ok(usage.completion_tokens > 0);
});

test('program 3, with its fork', async () => {
  const response = await streamed({ model: 'gpt-4o-mini', input: 'tell me a joke' });
  const fetched = await client.responses.retrieve(response.id);
  assert.equal(fetched.output[0].content[0].text, response.output[0].content[0].text);
  const second = await streamed({ model: 'gpt-4o-mini', previous_response_id: response.id, input: 'tell me another' });
  assert.equal(second.previous_response_id, response.id);
  const fork = await streamed({ model: 'gpt-4o-mini', previous_response_id: response.id, input:
    "I didn't like that joke, tell me another and tell me the difference between the two jokes" });
  assert.ok(fork.output[0].content[0].text.trim());
  assert.notEqual(fork.id, second.id);
});
