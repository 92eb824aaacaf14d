/* responses.js - the list of responses, and one of them: as a conversation, its figures, its events, its JSON. */
import {get, post, del, stream} from './ask.js';
import {h, table, when, ago, state, json, fold, markdown, bars, timeLine, copyButton, say} from './draw.js';

const link = id => h('a', {href: `#/responses/${encodeURIComponent(id)}`}, `${id.slice(0, 13)}...`);
const columns = [['Id', r => link(r.id)], ['State', r => state(r.status)], ['Model', r => r.model], ['Made', r => h('span', {title: when(r.created_at)}, ago(r.created_at))],
  ['Took', r => r.completed_at ? `${r.completed_at - r.created_at} s` : '-', 'n'], ['Tokens in', r => r.input_tokens, 'n'], ['cached', r => r.cached_tokens, 'n'], ['out', r => r.output_tokens, 'n'],
  ['', r => r.error ? h('span.bad', {}, r.error.slice(0, 120)) : r.background ? 'background' : '']];

async function list() {
  const status = h('select', {name: 'status'}, ['', 'completed', 'failed', 'incomplete', 'cancelled'].map(s => h('option', {value: s}, s || 'any')));
  const model = h('input', {name: 'model'}), at = h('div'), more = h('div'), running = h('div');
  let rows = [];
  async function load(before) {
    const query = new URLSearchParams(Object.entries({status: status.value, model: model.value, before: before || ''}).filter(([, v]) => v));
    const page = await get(`/console/api/responses?${query}`);
    rows = before ? [...rows, ...page.data] : page.data;
    if (!before) running.replaceChildren(...(page.open.length ? [h('h2', {}, 'Queued and running'), table(page.open, columns)] : []));
    at.replaceChildren(table(rows, columns, page.next ? 'None among the newest 5,000: look further.' : 'No stored responses. Requests with store: false leave none.'));
    more.replaceChildren(...(page.next ? [h('button.plain', {onclick: () => load(page.next).catch(e => say(e.message))}, 'Older')] : []));
  }
  const again = () => load().catch(e => say(e.message));
  status.addEventListener('change', again);
  model.addEventListener('change', again);
  await load();
  return h('div', {}, h('h1', {}, 'Responses'), h('div.row', {}, h('label.above', {}, 'State', status), h('label.above', {}, 'Model (empty: any)', model),
    h('button.plain', {onclick: again}, 'Look again')), running, at, more);
}

function part(p) {
  if (p.type === 'input_image' && /^data:image\/(png|jpeg|gif|webp);base64,/.test(p.image_url || '')) return h('img.shown', {src: p.image_url, alt: 'A picture of the prompt'});
  if (p.text !== undefined) return h('div', {}, markdown(p.text), (p.annotations || []).map(a => h('p.dim', {}, `cites ${a.url || a.filename || a.file_id || a.type}`)));
  if (p.refusal !== undefined) return h('p.bad', {}, p.refusal);
  return fold(p.type || 'part', json(p));
}

const tool = (title, ...inner) => ({who: 'tool', title, body: inner});
/* How an item reads; a type that is not here is shown as its JSON. */
const readings = {
  message: i => ({who: i.role === 'assistant' ? 'assistant' : 'user', title: i.role,
    body: typeof i.content === 'string' ? [markdown(i.content)] : (i.content || []).map(part)}),
  reasoning: i => ({who: 'assistant', title: 'reasoning', body: [fold('thoughts', h('div.text', {}, [...(i.summary || []), ...(i.content || [])].map(s => s.text).join('\n') || '(sealed)'))]}),
  function_call: i => tool(`calls ${i.name}`, json(i.arguments)),
  function_call_output: i => tool('result', fold('output', json(i.output))),
  web_search_call: i => tool(`web search: ${i.status}`, json(i.action ?? {})),
  file_search_call: i => tool(`file search: ${(i.queries || []).join('; ')}`, ...(i.results ? [fold(`${i.results.length} results`, json(i.results))] : [])),
  code_interpreter_call: i => tool(`Python: ${i.status}`, json(i.code || ''), ...(i.outputs || []).map(o => o.type === 'logs' ? json(o.logs)
    : /^data:image\/png;base64,/.test(o.url || '') ? h('img.shown', {src: o.url, alt: 'A picture that the code made'}) : json(o))),
  mcp_approval_request: i => tool(`${i.server_label}: ${i.name} waits for approval`, json(i.arguments), h('a', {href: '#/approvals'}, 'Approvals')),
  mcp_approval_response: i => ({who: 'user', title: i.approve ? 'approves' : 'refuses', body: [i.reason || '']}),
  mcp_call: i => tool(`${i.server_label}: ${i.name}`, json(i.arguments), fold('output', json(i.output ?? i.error ?? ''))),
};

function item(i) {
  const r = (readings[i.type || 'message'] || (x => tool(x.type, fold('item', json(x)))))(i);
  return h(`div.item.${r.who}`, {}, h('p.said-by', {}, r.title), ...r.body);
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
    line && h('h2', {}, 'Where its time went'), line, h('h2', {}, 'Tokens'), bars(figures), h('h2', {}, 'Events'), events(r.id), h('h2', {}, 'JSON'), fold('the response object', json(r)));
}

export const responses = ([id]) => id ? one(id) : list();
