/* items.js - an item of a conversation, to be read. */
import {h, json, fold, markdown} from './draw.js';

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

export function item(i) {
  const r = (readings[i.type || 'message'] || (x => tool(x.type, fold('item', json(x)))))(i);
  return h(`div.item.${r.who}`, {}, h('p.said-by', {}, r.title), ...r.body);
}
