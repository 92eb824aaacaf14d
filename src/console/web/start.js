/* start.js - what runs here, and the first request. */
import {get} from './ask.js';
import {h, json, copyButton, table} from './draw.js';

const yes = b => b ? 'yes' : 'no';

export async function start() {
  const o = await get('/console/api/overview');
  const sh = `export OPENAI_BASE_URL=${o.base_url}\nexport OPENAI_API_KEY=${o.keys ? 'sk-...' : 'any'}`;
  const py = 'from openai import OpenAI\nclient = OpenAI()\nprint(client.responses.create(model="gpt-4o-mini", input="Say hello.").output_text)';
  return h('div', {}, h('h1', {}, 'Antiphon ', h('span.dim', {}, o.version)),
    h('div.grid', {},
      h('div.box', {}, h('p.said-by', {}, 'State'), o.ready ? h('p.good', {}, 'ready') : h('p.bad', {}, o.why || 'not ready'),
        h('p.dim', {}, `up ${Math.floor(o.up_seconds / 3600)} h ${Math.floor(o.up_seconds / 60) % 60} min, ${o.running} running`, o.draining ? ', shutting down' : '')),
      h('div.box', {}, h('p.said-by', {}, 'Base URL'), h('p', {}, h('code', {}, o.base_url)), copyButton(o.base_url)),
      h('div.box', {}, h('p.said-by', {}, 'API keys'), h('p', {}, o.keys ? 'Needed.' : 'None made: any key is accepted from this machine.'),
        h('a', {href: '#/keys'}, o.keys ? 'Keys' : 'Create new secret key'))),
    h('h2', {}, 'First request'),
    h('div.box', {}, json(sh), copyButton(sh)), h('div.box', {}, json(py), copyButton(py)),
    h('p', {}, h('a', {href: '#/playground'}, 'Or try it in the playground')),
    h('h2', {}, 'Models'),
    h('p.dim', {}, o.answers),
    table(o.models, [['Model', m => m.name], ['Engine', m => m.engine], ['Context', m => m.context || 'unknown', 'n'], ['Tools', m => yes(m.tools)],
      ['Schemas', m => yes(m.schema)], ['Pictures', m => yes(m.vision)], ['Sound', m => yes(m.audio)]], 'No engine has told of any model yet.'));
}
