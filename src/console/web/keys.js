/* keys.js - API keys: made, shown once, revoked. */
import {get, post} from './ask.js';
import {h, table, when, state, copyButton, json, say} from './draw.js';

function secret(made, base) {
  const lines = `export OPENAI_BASE_URL=${base}\nexport OPENAI_API_KEY=${made.secret}`;
  return h('div.box', {role: 'alert', id: 'made'}, h('p.said-by', {}, `The key "${made.name}". It is shown this once: keep it.`),
    h('p', {}, h('code', {id: 'secret'}, made.secret)), h('div.row', {}, copyButton(made.secret, 'Copy key'), copyButton(lines, 'Copy both lines')), json(lines));
}

export async function keys() {
  const [list, o] = await Promise.all([get('/console/api/keys'), get('/console/api/overview')]);
  const out = h('div'), shown = h('div');
  const name = h('input', {name: 'name', required: true, maxlength: '100', autocomplete: 'off'});
  const project = h('input', {name: 'project', value: 'default', maxlength: '64', pattern: '[A-Za-z0-9_.\\-]+', list: 'projects'});
  const form = h('form.row', {onsubmit: async e => {
    e.preventDefault();
    try {
      const made = await post('/console/api/keys', {name: name.value, project: project.value || 'default'});
      shown.replaceChildren(secret(made, o.base_url));
      name.value = '';
      await rows();
    } catch (x) { say(x.message); }
  }}, h('label.above', {}, 'Name, for example laptop', name), h('label.above', {}, 'Project', project), h('datalist', {id: 'projects'}, o.projects.map(p => h('option', {value: p}))),
  h('button', {}, 'Create new secret key'));
  const at = h('div');
  async function rows(data) {
    data ||= (await get('/console/api/keys')).data;
    at.replaceChildren(table(data, [['Name', k => k.name], ['Key', k => h('code', {}, k.hint)], ['Project', k => k.project], ['Made', k => when(k.created_at)],
      ['State', k => state(k.revoked_at ? 'revoked' : 'active')], ['', k => k.revoked_at ? '' : h('button.danger', {onclick: async () => {
        if (!confirm(`Revoke the key "${k.name}"? Programs that use it are refused at once.`)) return;
        try { await post(`/console/api/keys/${encodeURIComponent(k.id)}/revoke`); await rows(); say('Revoked.'); } catch (x) { say(x.message); }
      }}, 'Revoke')]], 'No keys yet. Until the first one is made, this machine may ask without.'));
  }
  await rows(list.data);
  out.append(h('h1', {}, 'API keys'), form, shown, at);
  return out;
}
