/* playground.js - a request written by hand, its stream, and the code for it. */
import {get, stream} from './ask.js';
import {h, json, fold, markdown, copyButton, say} from './draw.js';

const languages = {
  Python: (o, b) => `from openai import OpenAI\nclient = OpenAI(base_url=${JSON.stringify(o.base_url)}, api_key="...")\n` +
    `print(client.responses.create(${Object.entries(b).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(', ')}).output_text)`,
  Node: (o, b) => `import OpenAI from 'openai';\nconst client = new OpenAI({ baseURL: ${JSON.stringify(o.base_url)}, apiKey: '...' });\n` +
    `console.log((await client.responses.create(${JSON.stringify(b)})).output_text);`,
  curl: (o, b) => `curl ${o.base_url}/responses -H 'Authorization: Bearer ...' -H 'Content-Type: application/json' -d '${JSON.stringify(b).replaceAll("'", "'\\''")}'`,
};

/* One model's answer beside others. */
function lane(model) {
  const text = h('div'), about = h('p.dim'), box = h('div.box', {}, h('p.said-by', {}, model), text, about);
  return {box, async run(body, signal) {
    let said = '', began = performance.now(), first = 0;
    box.classList.add('busy');
    try {
      await stream('/v1/responses', {...body, model, stream: true}, e => {
        if (e.type === 'response.output_text.delta') {
          first ||= performance.now() - began;
          said += e.delta;
          text.replaceChildren(markdown(said));
        } else if (e.type === 'response.failed' || e.type === 'error') {
          about.textContent = e.response?.error?.message || e.message || 'failed';
        } else if (e.type === 'response.completed' || e.type === 'response.incomplete') {
          const u = e.response.usage || {}, s = (performance.now() - began) / 1000;
          about.replaceChildren(`first word after ${Math.round(first)} ms, ${s.toFixed(1)} s in all, ${u.input_tokens} tokens in, ${u.output_tokens} out. `,
            h('a', {href: `#/responses/${encodeURIComponent(e.response.id)}`}, 'Look at it'));
        }
      }, signal);
    } catch (e) { about.textContent = e.name === 'AbortError' ? 'Stopped.' : e.message; }
    box.classList.remove('busy');
  }};
}

export async function playground() {
  const o = await get('/console/api/overview'), names = o.models.map(m => m.name);
  const choose = (label, none) => h('select', {'aria-label': label}, none && h('option', {value: ''}, none), names.map(n => h('option', {value: n}, n)));
  const one = choose('Model'), two = choose('Second model', 'none beside it');
  const instructions = h('textarea', {rows: '2'}), input = h('textarea', {rows: '4', required: true}), tools = h('textarea.code', {rows: '3'});
  const answers = h('div.grid'), code = h('div');
  let stop;
  const body = () => {
    const b = {model: one.value || 'gpt-4o-mini', input: input.value};
    if (instructions.value) b.instructions = instructions.value;
    if (tools.value.trim()) b.tools = JSON.parse(tools.value);
    return b;
  };
  const form = h('form', {onsubmit: async e => {
    e.preventDefault();
    let b;
    try { b = body(); } catch { say('Tools: this is no JSON.'); return; }
    stop = new AbortController();
    const lanes = [one.value || 'gpt-4o-mini', two.value].filter(Boolean).map(lane);
    answers.replaceChildren(...lanes.map(l => l.box));
    code.replaceChildren(...Object.entries(languages).map(([name, f]) => { const t = f(o, b); return fold(name, json(t), copyButton(t)); }));
    await Promise.all(lanes.map(l => l.run(b, stop.signal)));
  }}, h('div.row', {}, h('label.above', {}, 'Model', one), h('label.above', {}, 'Beside it', two)),
  h('label.above', {}, 'Instructions', instructions), h('label.above', {}, 'Input', input), fold('Tools', h('label.above', {}, 'A JSON list, for example [{"type": "web_search"}]', tools)),
  h('p'), h('div.row', {}, h('button', {}, 'Ask'), h('button.plain', {type: 'button', onclick: () => stop?.abort()}, 'Stop')));
  return h('div', {}, h('h1', {}, 'Playground'), form, answers, code);
}
