/* mcp.js - MCP servers: which there are, what they offer, and how they have answered since this server started. */
import {get} from './ask.js';
import {h, when, ago, state, fold, say} from './draw.js';

const seen = at => at ? h('span', {title: when(at)}, ago(at)) : 'never';

function one(s) {
  const works = Math.max(s.listed_at, s.called_at) > s.failed_at;
  return h('div.box', {}, h('p.said-by', {}, s.label || s.url), s.label && h('p.dim', {}, s.url),
    h('p', {}, s.lists + s.calls === 0 ? state('not asked yet') : works ? state('running', 'answers') : state('failed'), s.revision && ` speaks ${s.revision}`),
    h('p', {}, 'tools listed ', seen(s.listed_at), `, ${s.calls} calls`, s.calls ? [', the last ', seen(s.called_at)] : '', `, ${s.failures} failures`),
    s.fault && h('p', {}, h(works ? 'span.dim' : 'span.bad', {}, s.fault), ' ', seen(s.failed_at)),
    s.tools.length ? fold(`${s.tools.length} tools`, h('ul', {}, s.tools.map(t => h('li', {}, h('code', {}, t.name), ' ', t.read_only ? h('span.dim', {}, 'says that it only reads') : h('span.warn', {}, 'may change things'))))) : '',
    s.left_out ? h('p.warn', {}, `${s.left_out} more are left out: too large, without a name, or with parameters that cannot be kept to.`) : '');
}

export async function mcp() {
  const at = h('div'), waits = h('p');
  async function load() {
    const [servers, waiting] = await Promise.all([get('/console/api/mcp'), get('/v1/approvals?limit=100')]);
    const n = waiting.data.filter(a => a.status === 'waiting').length;
    waits.replaceChildren(h('a', {href: '#/approvals'}, n ? `${n}${waiting.has_more ? ' or more' : ''} calls wait for approval` : 'No call waits for approval'));
    at.replaceChildren(...(servers.data.length ? servers.data.map(one) : [h('p.dim', {}, 'None is named by the setting mcp.servers, and no request of this project has named one since the server started.')]));
  }
  await load();
  return h('div', {}, h('h1', {}, 'MCP servers'), h('p.dim', {}, 'Counted since the server started, for this project.'), waits, h('div.row', {}, h('button.plain', {onclick: () => load().catch(e => say(e.message))}, 'Look again')), at);
}
