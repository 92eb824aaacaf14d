/* settings.js - the settings in force, and where each came from. */
import {get} from './ask.js';
import {h, table} from './draw.js';

const shown = v => Array.isArray(v) ? v.join(', ') : String(v);

export async function settings() {
  const all = (await get('/console/api/settings')).data, at = h('div'), given = h('input', {type: 'checkbox'}), text = h('input', {type: 'search', maxlength: '100'});
  function draw() {
    const rows = all.filter(s => (!given.checked || s.from !== 'default') && `${s.name} ${s.help}`.toLowerCase().includes(text.value.toLowerCase()));
    at.replaceChildren(table(rows, [['Setting', s => h('code', {}, s.name)], ['Value', s => shown(s.value) === '' ? h('span.dim', {}, 'empty') : h('code', {}, shown(s.value))],
      ['From', s => s.from === 'default' ? h('span.dim', {}, 'default') : s.from], ['What it is', s => s.help]], 'None like that.'));
  }
  given.addEventListener('change', draw);
  text.addEventListener('input', draw);
  draw();
  return h('div', {}, h('h1', {}, 'Settings'), h('p.dim', {}, 'Constant while the server runs. Secrets are not shown. antiphon help settings says how to give them.'),
    h('div.row', {}, h('label.above', {}, 'Name or meaning', text), h('label', {}, given, ' only what was given')), at);
}
