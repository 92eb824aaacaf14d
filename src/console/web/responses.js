/* responses.js - the list of responses, and one of them: as a conversation, its figures, its events, its JSON. */
import {get, post, del, text, stream} from './ask.js';
import {h, table, when, ago, size, state, json, fold, bars, timeLine, copyButton, say} from './draw.js';
import {item} from './items.js';
import {tree} from './tree.js';

const link = id => h('a', {href: `#/responses/${encodeURIComponent(id)}`}, `${id.slice(0, 13)}...`);
const columns = [['Id', r => link(r.id)], ['State', r => state(r.status)], ['Model', r => r.model], ['Made', r => h('span', {title: when(r.created_at)}, ago(r.created_at))],
  ['Took', r => r.completed_at ? `${r.completed_at - r.created_at} s` : '-', 'n'], ['Tokens in', r => r.input_tokens, 'n'], ['cached', r => r.cached_tokens, 'n'], ['out', r => r.output_tokens, 'n'],
  ['Tools', r => r.tools.join(', ')], ['', r => r.error ? h('span.bad', {}, r.error.slice(0, 120)) : r.background ? 'background' : '']];

const EVERY = 3000;
const day = (value, after) => value ? Math.floor(new Date(`${value}T00:00`).getTime() / 1000) + (after ? 86400 : 0) : '';

async function list() {
  const pick = (label, name, values) => h('label.above', {}, label, h('select', {name}, values.map(v => h('option', {value: v}, v || 'any'))));
  const write = (label, name, type) => h('label.above', {}, label, h('input', {name, type: type || 'search', maxlength: '200'}));
  const at = h('div'), more = h('div'), running = h('div'), live = h('input', {type: 'checkbox', checked: true});
  const form = h('form.row', {onsubmit: e => { e.preventDefault(); again(); }, onchange: () => again()}, pick('State', 'status', ['', 'completed', 'failed', 'incomplete', 'cancelled']), write('Model', 'model'),
    pick('Tool', 'tool', ['', 'function', 'web_search', 'file_search', 'code_interpreter', 'shell', 'mcp', 'image_generation', 'custom', 'apply_patch']), write('Text', 'text'), write('From', 'since', 'date'),
    write('To', 'until', 'date'), h('button.plain', {}, 'Look'), h('label', {}, live, ' live'));
  const page = h('div', {}, h('h1', {}, 'Responses'), form, running, at, more);
  let rows = [], older = false;
  async function load(before) {
    const asked = Object.fromEntries(new FormData(form));
    const query = new URLSearchParams(Object.entries({...asked, since: day(asked.since), until: day(asked.until, true), before: before || ''}).filter(([, v]) => v));
    const got = await get(`/console/api/responses?${query}`);
    rows = before ? [...rows, ...got.data] : got.data;
    older = Boolean(before);
    if (!before) running.replaceChildren(...(got.open.length ? [h('h2', {}, 'Queued and running'), table(got.open, columns)] : []));
    at.replaceChildren(table(rows, columns, got.next ? 'None among the newest: look further.' : 'No stored responses. Requests with store: false leave none.'));
    more.replaceChildren(...(got.next ? [h('button.plain', {onclick: () => load(got.next).catch(e => say(e.message))}, 'Older')] : []));
  }
  const again = () => load().catch(e => say(e.message));
  /* Not while somebody reads on, marks text or looks elsewhere. */
  async function look() {
    if (!page.isConnected) return;
    if (live.checked && !older && !document.hidden && !page.contains(document.activeElement) && document.getSelection().isCollapsed) await again();
    setTimeout(look, EVERY);
  }
  await load();
  setTimeout(look, EVERY);
  return page;
}

function events(id) {
  const at = h('pre', {tabindex: '0'}), button = h('button.plain', {onclick: async () => {
    at.textContent = '';
    button.disabled = true;
    try { await stream(`/v1/responses/${encodeURIComponent(id)}?stream=true`, undefined, e => at.append(`${e.sequence_number} ${e.type}${e.delta === undefined ? '' : ` ${JSON.stringify(e.delta)}`}\n`)); }
    catch (e) { at.append(`${e.message}\n`); }
    button.disabled = false;
  }}, 'Play its events again');
  return h('div', {}, button, at);
}

/* Where its time went; the last phase is the write that carries this, so its length is not known. */
async function times(id) {
  const t = await get(`/v1/responses/${encodeURIComponent(id)}/phases`).catch(() => undefined);
  if (!t || t.total_us === null) return h('p.dim', {}, 'Not known: it has not ended, or was made by an older version.');
  const ms = us => us === null ? '' : `${(us / 1000).toFixed(us < 100000 ? 1 : 0)} ms`;
  const rows = [...t.phases.map(p => [p.type, p.start_us, p.duration_us, ms(p.duration_us)]),
    ...t.tools.map(p => [` ${p.name.slice(0, 20)}`, p.start_us, p.duration_us, `${ms(p.duration_us)}${p.ok ? '' : ' failed'}`])];
  return h('div', {}, timeLine(rows, t.total_us), h('p.dim', {}, `${ms(t.total_us)} in all`));
}

/* What its engine was sent: the bytes themselves, while the server remembers them. */
async function requests(id) {
  const all = `/console/api/responses/${encodeURIComponent(id)}/requests`, {data} = await get(all).catch(() => ({data: []}));
  if (!data.length) return h('p.dim', {}, 'Not remembered: the newest are, in memory, until the server starts again (the setting engine.sent_bytes).');
  return h('div', {}, h('p.dim', {}, 'The very bytes of each request, as they were sent; not rendered again.'), data.map(r => {
    const at = h('div'), raw = h('input', {type: 'checkbox'});
    let body;
    const draw = () => at.replaceChildren(json(raw.checked ? body : JSON.stringify(JSON.parse(body), null, 2)));
    raw.addEventListener('change', () => body && draw());
    return h('details', {ontoggle: async e => {
      if (!e.target.open || body) return;
      try { body = await text(`${all}/${r.number}`); draw(); at.after(copyButton(body)); } catch (x) { say(x.message); }
    }}, h('summary', {}, `${r.number + 1}. ${r.engine} ${r.path}, ${size(r.bytes)}, ${new Date(r.at * 1000).toLocaleTimeString()}`), h('label', {}, raw, 'as sent, on one line'), at);
  }));
}

async function one(id) {
  const at = encodeURIComponent(id);
  const [r, input] = await Promise.all([get(`/v1/responses/${at}`), get(`/v1/responses/${at}/input_items?order=asc&limit=100`).catch(e => ({data: [], why: e.message}))]);
  const line = r.store === false || ['queued', 'in_progress'].includes(r.status) ? undefined : await times(id);
  const u = r.usage || {}, took = r.completed_at ? r.completed_at - r.created_at : 0;
  const figures = [['input', u.input_tokens || 0], ['of it cached', u.input_tokens_details?.cached_tokens || 0], ['output', u.output_tokens || 0],
    ['of it thoughts', u.output_tokens_details?.reasoning_tokens || 0]].map(([k, v]) => [k, v, `${v} tokens`]);
  const acts = [copyButton(r.id, 'Copy id')];
  if (['queued', 'in_progress'].includes(r.status)) acts.push(h('button.danger', {onclick: async () => {
    try { await post(`/v1/responses/${at}/cancel`); say('Cancelled.'); dispatchEvent(new Event('hashchange')); } catch (e) { say(e.message); }
  }}, 'Cancel'));
  acts.push(h('button.danger', {onclick: async () => {
    if (!confirm('Delete this response? Nothing brings it back.')) return;
    try { await del(`/v1/responses/${at}`); location.hash = '#/responses'; } catch (e) { say(e.message); }
  }}, 'Delete'));
  return h('div', {}, h('p', {}, h('a', {href: '#/responses'}, 'Responses')), h('h1', {}, 'Response ', h('code', {}, r.id)),
    h('div.row', {}, state(r.status), h('span', {}, r.model), h('span.dim', {}, `${when(r.created_at)}${took ? `, ${took} s` : ''}`), ...acts),
    r.error && h('p.bad', {}, r.error.message), r.incomplete_details && h('p.warn', {}, `incomplete: ${r.incomplete_details.reason}`),
    r.previous_response_id && h('p', {}, 'continues ', link(r.previous_response_id)),
    h('h2', {}, 'Conversation'), r.instructions && typeof r.instructions === 'string' && item({type: 'message', role: 'instructions', content: r.instructions}),
    input.why && h('p.warn', {}, input.why), input.has_more && h('p.dim', {}, 'The first hundred items of its input:'),
    input.data.map(item), (r.output || []).map(item),
    await tree(r.id), h('h2', {}, 'What the engine was sent'), await requests(r.id), line && h('h2', {}, 'Where its time went'), line, h('h2', {}, 'Tokens'), bars(figures), h('h2', {}, 'Events'), events(r.id), h('h2', {}, 'JSON'), fold('the response object', json(r)));
}

export const responses = ([id]) => id ? one(id) : list();
