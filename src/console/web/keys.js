/* keys.js - API keys: made, shown once, bounded, revoked; and what projects may use. */
import {get, post} from './ask.js';
import {h, table, when, ago, state, copyButton, json, say} from './draw.js';
import {limitsForm, limitsLine} from './limits.js';

function secret(made, base) {
  const lines = `export OPENAI_BASE_URL=${base}\nexport OPENAI_API_KEY=${made.secret}`;
  return h('div.box', {role: 'alert', id: 'made'}, h('p.said-by', {}, `The key "${made.name}". It is shown this once: keep it.`),
    h('p', {}, h('code', {id: 'secret'}, made.secret)), h('div.row', {}, copyButton(made.secret, 'Copy key'), copyButton(lines, 'Copy both lines')), json(lines));
}

/* Dollars of this month (UTC) by `member` of what is told. */
async function spent(member) {
  const now = new Date(), start = Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) / 1000, sums = {};
  const costs = await get(`/v1/organization/costs?start_time=${start}&bucket_width=1d&limit=31&group_by=${member}`);
  for (const r of costs.data.flatMap(b => b.results)) sums[r[member]] = (sums[r[member]] || 0) + Number(r.amount?.value || 0);
  return sums;
}
const money = n => n && n < 0.0001 ? 'under $0.0001' : `$${(n || 0).toFixed(n < 1 ? 4 : 2)}`;
const dollars = (n, budget) => n || budget ? `${money(n)}${budget ? ` of ${budget}` : ''}` : '-';
const seen = at => at ? h('span', {title: when(at)}, ago(at)) : 'never';

export async function keys() {
  const [o, ofKeys, ofProjects] = await Promise.all([get('/console/api/overview'), spent('api_key_id'), spent('project_id')]);
  const out = h('div'), shown = h('div'), at = h('div'), projects = h('div'), change = h('div');
  let list, limits;
  const of = (member, name) => limits.find(l => l[member] === name)?.limits;
  const name = h('input', {name: 'name', required: true, maxlength: '100', autocomplete: 'off'});
  const project = h('input', {name: 'project', value: 'default', maxlength: '64', pattern: '[A-Za-z0-9_.\\-]+', list: 'projects'});
  const form = h('form.row', {onsubmit: async e => {
    e.preventDefault();
    try {
      const made = await post('/console/api/keys', {name: name.value, project: project.value || 'default'});
      shown.replaceChildren(secret(made, o.base_url));
      name.value = '';
      await load();
    } catch (x) { say(x.message); }
  }}, h('label.above', {}, 'Name, for example laptop', name), h('label.above', {}, 'Project', project), h('datalist', {id: 'projects'}, o.projects.map(p => h('option', {value: p}))),
  h('button', {}, 'Create new secret key'));
  const edit = (member, id, called) => h('button.plain', {onclick: () => {
    change.replaceChildren(limitsForm({[member]: id}, called, of(member, id), data => { limits = data; change.replaceChildren(); draw(); }));
    change.querySelector('input').focus();
  }}, 'Limits');
  const revoke = k => h('button.danger', {onclick: async () => {
    if (!confirm(`Revoke the key "${k.name}"? Programs that use it are refused at once.`)) return;
    try { await post(`/console/api/keys/${encodeURIComponent(k.id)}/revoke`); await load(); say('Revoked.'); } catch (x) { say(x.message); }
  }}, 'Revoke');
  function draw() {
    at.replaceChildren(table(list, [['Name', k => k.name], ['Key', k => h('code.hint', {}, k.hint)], ['Project', k => k.admin ? 'admin' : k.project], ['Made', k => seen(k.created_at)], ['Last used', k => seen(k.last_used_at)],
      ['Limits', k => limitsLine(of('key', k.id))], ['This month', k => h('a', {href: '#/usage/api_key_id'}, dollars(ofKeys[k.id], of('key', k.id)?.budget_per_month)), 'n'], ['State', k => state(k.revoked_at ? 'revoked' : 'active')],
      ['', k => k.revoked_at ? '' : h('span.acts', {}, !k.admin && edit('key', k.id, `the key "${k.name}"`), revoke(k))]], 'No keys yet. Until the first one is made, this machine may ask without.'));
    const all = [...new Set([...o.projects, ...list.map(k => k.project), ...limits.map(l => l.project).filter(Boolean)])];
    projects.replaceChildren(table(all, [['Project', p => p], ['Limits', p => limitsLine(of('project', p))], ['This month', p => h('a', {href: '#/usage/project_id'}, dollars(ofProjects[p], of('project', p)?.budget_per_month)), 'n'],
      ['', p => edit('project', p, `the project "${p}"`)]]));
  }
  async function load() {
    [list, limits] = (await Promise.all([get('/console/api/keys'), get('/console/api/limits')])).map(l => l.data);
    draw();
  }
  await load();
  out.append(h('h1', {}, 'API keys'), form, shown, at, change, h('h2', {}, 'Projects'), h('p.dim', {}, 'A project\'s limits hold for all its keys together; both its and the key\'s count. Turns at once are counted by each node of several by itself.'), projects);
  return out;
}
