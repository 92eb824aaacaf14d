/* approvals.js - calls of MCP servers that wait for somebody's approval, and answering one. */
import {get, post} from './ask.js';
import {h, when, ago, state, json, say} from './draw.js';

function one(a, again) {
  const reason = h('input', {name: 'reason', maxlength: '4096', autocomplete: 'off'});
  const decide = approve => async () => {
    try {
      await post(`/v1/approvals/${encodeURIComponent(a.id)}`, approve ? {approve} : {approve, reason: reason.value || null});
      say(approve ? 'Approved: the next request of the client makes the call.' : 'Refused.');
    } catch (x) { say(x.message); }
    await again();
  };
  return h('div.box', {}, h('p.said-by', {}, `${a.server_label}: ${a.name}`), a.server_url && h('p.dim', {}, a.server_url), json(a.arguments),
    h('p', {}, state(a.status), ' asked ', h('span', {title: when(a.created_at)}, ago(a.created_at)), ' by ', h('a', {href: `#/responses/${encodeURIComponent(a.response_id)}`}, `${a.response_id.slice(0, 13)}...`)),
    a.reason && h('p.dim', {}, a.reason),
    a.status === 'refused' ? '' : h('div.row', {}, a.status === 'waiting' && h('button', {onclick: decide(true)}, 'Approve'),
      h('label.above', {}, 'Reason (the model is told)', reason), h('button.danger', {onclick: decide(false)}, 'Refuse')));
}

export async function approvals() {
  const at = h('div'), more = h('div');
  let last = '';
  async function load() {
    const page = await get(`/v1/approvals?limit=50${last && `&after=${encodeURIComponent(last)}`}`);
    if (!last) at.replaceChildren(...(page.data.length ? [] : [h('p.dim', {}, 'Nothing waits for approval in this project.')]));
    at.append(...page.data.map(a => one(a, again)));
    last = page.last_id;
    more.replaceChildren(...(page.has_more ? [h('button.plain', {onclick: () => load().catch(e => say(e.message))}, 'More')] : []));
  }
  const again = () => { last = ''; return load().catch(e => say(e.message)); };
  await load();
  return h('div', {}, h('h1', {}, 'Approvals'), h('p.dim', {}, 'A call is made when its client goes on with the response; an answer given here counts as one that the client sends.'),
    h('div.row', {}, h('button.plain', {onclick: again}, 'Look again')), at, more);
}
