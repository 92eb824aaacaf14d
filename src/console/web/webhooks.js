/* webhooks.js - webhook endpoints: made, tried, and what each was told; sending that again. */
import {get, post, del} from './ask.js';
import {h, table, when, ago, state, json, copyButton, say} from './draw.js';

const path = id => `/v1/webhook_endpoints${id ? `/${encodeURIComponent(id)}` : ''}`;

function secret(made) {
  return h('div.box', {role: 'alert'}, h('p.said-by', {}, `The signing secret of "${made.name}". It is shown this once: keep it.`),
    h('p', {}, h('code', {}, made.signing_secret)), copyButton(made.signing_secret, 'Copy secret'));
}

async function list() {
  const types = (await get('/v1/webhook_event_types')).data, at = h('div'), more = h('div'), shown = h('div');
  let rows = [];
  async function load(after) {
    const page = await get(`${path()}?limit=100${after ? `&after=${encodeURIComponent(after)}` : ''}`);
    rows = after ? [...rows, ...page.data] : page.data;
    at.replaceChildren(table(rows, [['Name', w => h('a', {href: `#/webhooks/${encodeURIComponent(w.id)}`}, w.name || w.id)], ['URL', w => w.url], ['Events', w => w.event_types.join(', ')], ['Made', w => when(w.created_at)]],
      'No endpoints in this project.'));
    more.replaceChildren(...(page.has_more ? [h('button.plain', {onclick: () => load(rows.at(-1).id).catch(e => say(e.message))}, 'More')] : []));
  }
  const form = h('form.box', {onsubmit: async e => {
    e.preventDefault();
    const asked = new FormData(form);
    try {
      shown.replaceChildren(secret(await post(path(), {name: asked.get('name'), url: asked.get('url'), event_types: asked.getAll('type')})));
      form.reset();
      await load();
    } catch (x) { say(x.message); }
  }}, h('div.row', {}, h('label.above', {}, 'Name', h('input', {name: 'name', required: true, maxlength: '100', autocomplete: 'off'})), h('label.above', {}, 'URL', h('input', {name: 'url', type: 'url', required: true, autocomplete: 'off'}))),
  h('fieldset.row', {}, h('legend', {}, 'Events'), types.map(t => h('label', {}, h('input', {type: 'checkbox', name: 'type', value: t, checked: true}), t))), h('button', {}, 'Create endpoint'));
  await load();
  return h('div', {}, h('h1', {}, 'Webhooks'), form, shown, at, more);
}

const colours = {delivered: 'completed', given_up: 'failed', waiting: 'waiting'};
const subject = s => s.startsWith('resp_') ? h('a', {href: `#/responses/${encodeURIComponent(s)}`}, `${s.slice(0, 13)}...`) : s.startsWith('batch_') ? h('a', {href: `#/batches/${encodeURIComponent(s)}`}, `${s.slice(0, 14)}...`) : s;

function deliveries(id) {
  const all = `/console/api/webhooks/${encodeURIComponent(id)}/deliveries`, at = h('div'), more = h('div');
  let rows = [];
  const again = d => h('button.plain', {onclick: async () => {
    try { await post(`${all}/${encodeURIComponent(d.id)}`); say('It is being sent.'); await load(); } catch (x) { say(x.message); }
  }}, d.status === 'waiting' ? 'Send now' : 'Send again');
  async function load(before) {
    const page = await get(`${all}?limit=50${before ? `&before=${before}` : ''}`);
    rows = before ? [...rows, ...page.data] : page.data;
    at.replaceChildren(table(rows, [['Event', d => d.type], ['Of', d => subject(d.subject)], ['State', d => state(colours[d.status], d.status.replace('_', ' '))], ['Told', d => h('span', {title: when(d.created_at)}, ago(d.created_at))], ['Tries', d => d.tries, 'n'],
      ['Last answer', d => d.answer || (d.tries ? 'none' : '-'), 'n'], ['What was wrong', d => d.reason && d.reason.slice(0, 200)], ['Next try', d => d.status === 'waiting' ? when(d.next_try_at) : '-'], ['', again]], 'Nothing was to be told yet.'));
    more.replaceChildren(...(page.next ? [h('button.plain', {onclick: () => load(page.next).catch(e => say(e.message))}, 'Older')] : []));
  }
  return {load, box: h('div', {}, h('h2', {}, 'Deliveries'), h('p.dim', {}, 'What waits, and what is over: the newest of each endpoint are kept for some days. Sent again, an event keeps its webhook-id.'),
    h('div.row', {}, h('button.plain', {onclick: () => load().catch(e => say(e.message))}, 'Look again')), at, more)};
}

async function one(id) {
  const w = await get(path(id)), sent = deliveries(id), shown = h('div'), tried = h('p', {role: 'status'}), pick = h('select', {}, w.event_types.map(t => h('option', {value: t}, t)));
  await sent.load();
  return h('div', {}, h('p', {}, h('a', {href: '#/webhooks'}, 'Webhooks')), h('h1', {}, w.name || w.id), h('p', {}, h('code', {}, w.url)),
    h('p.dim', {}, `made ${when(w.created_at)}, secret ${w.signing_secret_hint || ''}`),
    h('div.row', {}, h('label.above', {}, 'A sample of', pick), h('button', {onclick: async () => {
      tried.textContent = '';
      try { const t = await post(`${path(id)}/test`, {event_type: pick.value}); tried.textContent = `The endpoint answered ${t.status_code}.`; } catch (e) { tried.textContent = e.message; }
    }}, 'Send a sample'),
    h('button.danger', {onclick: async () => {
      if (!confirm('Make a new secret? The one before counts for one more day.')) return;
      try { shown.replaceChildren(secret(await post(`${path(id)}/rotate_secret`, {keep_old_secret_active_for_24_hours: true}))); } catch (e) { say(e.message); }
    }}, 'New secret'),
    h('button.danger', {onclick: async () => {
      if (!confirm('Delete it? What waits for it goes, too.')) return;
      try { await del(path(id)); location.hash = '#/webhooks'; } catch (e) { say(e.message); }
    }}, 'Delete')), tried, shown, sent.box, h('h2', {}, 'JSON'), json(w));
}

export const webhooks = ([id]) => id ? one(id) : list();
