/* conversations.js - conversations, and one of them: its items, and how its turns hang together. */
import {get, del} from './ask.js';
import {h, table, when, json, fold, say} from './draw.js';
import {item} from './items.js';
import {tree} from './tree.js';

const PAGE = 100;

async function list() {
  const at = h('div'), more = h('div');
  let rows = [];
  async function load(before) {
    const page = await get(`/console/api/conversations${before ? `?before=${before}` : ''}`);
    rows = before ? [...rows, ...page.data] : page.data;
    at.replaceChildren(table(rows, [['Id', c => h('a', {href: `#/conversations/${encodeURIComponent(c.id)}`}, `${c.id.slice(0, 16)}...`)], ['Made', c => when(c.created_at)],
      ['Metadata', c => Object.entries(c.metadata).map(([k, v]) => `${k}: ${v}`).join(', ') || '-']], page.next ? 'None among the newest 5,000: look further.' : 'No conversations in this project.'));
    more.replaceChildren(...(page.next ? [h('button.plain', {onclick: () => load(page.next).catch(e => say(e.message))}, 'Older')] : []));
  }
  await load();
  return h('div', {}, h('h1', {}, 'Conversations'), at, more);
}

async function one(id) {
  const path = `/v1/conversations/${encodeURIComponent(id)}`, c = await get(path), at = h('div'), more = h('div');
  async function load(after) {
    const page = await get(`${path}/items?order=asc&limit=${PAGE}${after ? `&after=${encodeURIComponent(after)}` : ''}`);
    at.append(...page.data.map(item));
    more.replaceChildren(...(page.has_more ? [h('button.plain', {onclick: () => load(page.last_id).catch(e => say(e.message))}, 'More')] : []));
    if (!after && !page.data.length) at.append(h('p.dim', {}, 'It has no items yet.'));
  }
  await load();
  return h('div', {}, h('p', {}, h('a', {href: '#/conversations'}, 'Conversations')), h('h1', {}, 'Conversation ', h('code', {}, c.id)),
    h('div.row', {}, h('span.dim', {}, when(c.created_at)), h('button.danger', {onclick: async () => {
      if (!confirm('Delete this conversation? Nothing brings it back.')) return;
      try { await del(path); location.hash = '#/conversations'; } catch (e) { say(e.message); }
    }}, 'Delete')), h('h2', {}, 'Items'), at, more, await tree(c.id), h('h2', {}, 'JSON'), fold('the conversation object', json(c)));
}

export const conversations = ([id]) => id ? one(id) : list();
