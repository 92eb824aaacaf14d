/* runs.js - responses in the background: those that wait or run, and how the last ones have ended. */
import {get, post} from './ask.js';
import {h, table, when, ago, state, say} from './draw.js';

const EVERY = 3000;
const id = ['Id', r => h('a', {href: `#/responses/${encodeURIComponent(r.id)}`}, `${r.id.slice(0, 13)}...`)], made = ['Queued', r => h('span', {title: when(r.created_at)}, ago(r.created_at))];
const took = r => r.completed_at ? `${r.completed_at - r.created_at} s` : '-';

export async function runs() {
  const open = h('div'), ended = h('div'), more = h('div'), page = h('div', {}, h('h1', {}, 'Background runs'), h('h2', {}, 'Queued and running'), open, h('h2', {}, 'Ended'), ended, more);
  let rows = [], older = false;
  const cancel = r => h('button.danger', {onclick: async () => {
    try { await post(`/v1/responses/${encodeURIComponent(r.id)}/cancel`); say('Cancelled.'); await load(); } catch (e) { say(e.message); }
  }}, 'Cancel');
  async function load(before) {
    const got = await get(`/console/api/responses?background=true&limit=50${before ? `&before=${before}` : ''}`);
    rows = before ? [...rows, ...got.data] : got.data;
    older = Boolean(before);
    if (!before) open.replaceChildren(table(got.open, [id, ['State', r => state(r.status)], ['Model', r => r.model], made, ['', cancel]], 'None.'));
    ended.replaceChildren(table(rows, [id, ['State', r => state(r.status)], ['Model', r => r.model], made, ['Took', took, 'n'], ['Why', r => r.error && h('span.bad', {}, r.error.slice(0, 300))]], got.next ? 'None among the newest: look further.' : 'None is stored.'));
    more.replaceChildren(...(got.next ? [h('button.plain', {onclick: () => load(got.next).catch(e => say(e.message))}, 'Older')] : []));
  }
  /* Not while somebody reads on or is about to press a button. */
  async function again() {
    if (!page.isConnected) return;
    if (!older && !document.hidden && !page.contains(document.activeElement)) await load().catch(e => say(e.message));
    setTimeout(again, EVERY);
  }
  await load();
  setTimeout(again, EVERY);
  return page;
}
