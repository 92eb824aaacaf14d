/* engines.js - engines and what runs at this moment, looked at again every two seconds. */
import {get} from './ask.js';
import {h, table, state} from './draw.js';

const EVERY = 2000;
const colours = {up: 'completed', down: 'failed', broken: 'failed'};
const engineColumns = [['Engine', e => e.name], ['State', e => h('span', {}, state(colours[e.state] || e.state, e.state), e.why && h('span.dim', {}, ` ${e.why}`))],
  ['Dialect', e => e.dialect], ['Models', e => e.models, 'n'], ['Slots taken', e => `${e.busy} of ${e.slots}`, 'n'], ['Waiting', e => e.waiting, 'n'],
  ['Context', e => e.context || '-', 'n'], ['Can', e => ['tools', 'parallel', 'schema', 'vision', 'audio'].filter(c => e[c]).join(', ') || '-'],
  ['Asked by', e => h('span', {}, h('code', {}, e.traits), e.learnt ? h('span.warn', {}, ` ${e.learnt} learnt from refusals`) : '')], ['Tokens a second', e => e.tokens_a_second ? e.tokens_a_second.toFixed(1) : '-', 'n'], ['', e => e.managed ? 'managed' : '']];
const turnColumns = [['Id', t => t.id.startsWith('resp_') ? h('a', {href: `#/responses/${encodeURIComponent(t.id)}`}, `${t.id.slice(0, 13)}...`) : `${t.id.slice(0, 17)}...`],
  ['Kind', t => t.kind], ['Phase', t => t.phase], ['Seconds', t => t.seconds.toFixed(1), 'n'], ['Pieces', t => t.pieces, 'n'], ['Model', t => t.model]];

export async function engines() {
  const at = h('div'), turns = h('div'), failed = h('p.bad', {role: 'status'}), page = h('div', {}, h('h1', {}, 'Engines'), failed, at, h('h2', {}, 'What runs now'), turns);
  async function look() {
    const now = await get('/console/api/live');
    at.replaceChildren(table(now.engines, engineColumns, 'No engine is configured.'));
    turns.replaceChildren(table(now.turns, turnColumns, 'Nothing.'), ...(now.running > now.turns.length ? [h('p.dim', {}, `and ${now.running - now.turns.length} more`)] : []));
  }
  async function again() {
    if (!page.isConnected) return; /* another page was chosen */
    try { await look(); failed.textContent = ''; } catch (e) { failed.textContent = e.message; }
    setTimeout(again, EVERY);
  }
  await look();
  setTimeout(again, EVERY);
  return page;
}
