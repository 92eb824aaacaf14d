/* lists.js - what is kept beside responses: a row a kind; each is a list of the API, one of its things, and what can be done with it. */
import {get, post, del, bytes} from './ask.js';
import {h, table, when, state, json, fold, size, say} from './draw.js';

const name = ['Name', r => r.name || r.filename || '-'], made = ['Made', r => when(r.created_at)], status = ['State', r => state(r.status)];
const counts = c => c ? Object.entries(c).filter(([, v]) => v).map(([k, v]) => `${v} ${k.replace('_', ' ')}`).join(', ') : '-';

/* A search that can be tried, below a vector store. */
function search(store) {
  const query = h('input', {name: 'query', required: true}), at = h('div');
  return h('div', {}, h('h2', {}, 'Try a search'), h('form.row', {onsubmit: async e => {
    e.preventDefault();
    try {
      const found = await post(`/v1/vector_stores/${encodeURIComponent(store.id)}/search`, {query: query.value});
      at.replaceChildren(...(found.data.length ? found.data.map(r => h('div.box', {}, h('p.said-by', {}, `${r.filename}  ${r.score.toFixed(3)}`), h('div.text', {}, r.content.map(c => c.text).join('\n')))) : [h('p.dim', {}, 'Nothing found.')]));
    } catch (x) { say(x.message); }
  }}, h('label.above', {}, 'Query', query), h('button', {}, 'Search')), at);
}

async function under(title, path, columns) {
  return h('div', {}, h('h2', {}, title), table((await get(path)).data, columns));
}

async function download(path, as) {
  const url = URL.createObjectURL(await bytes(path));
  h('a', {href: url, download: as}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export const lists = [
  {name: 'files', title: 'Files', path: '/v1/files', columns: [name, ['Purpose', r => r.purpose], ['Bytes', r => size(r.bytes), 'n'], made], more: f => h('button.plain', {onclick: () => download(`/v1/files/${encodeURIComponent(f.id)}/content`, f.filename).catch(e => say(e.message))}, 'Download')},
  {name: 'stores', title: 'Vector stores', path: '/v1/vector_stores', columns: [name, status, ['Files', r => counts(r.file_counts)], ['Bytes', r => size(r.usage_bytes), 'n'], made],
    more: async s => h('div', {}, await under('Files', `/v1/vector_stores/${encodeURIComponent(s.id)}/files?limit=100`, [['Id', f => f.id], status, ['Why', f => f.last_error?.message || ''], ['Bytes', f => size(f.usage_bytes), 'n']]), search(s))},
  {name: 'containers', title: 'Containers', path: '/v1/containers', columns: [name, status, ['Memory', r => r.memory_limit], ['Last used', r => when(r.last_active_at)], made],
    more: c => under('Files', `/v1/containers/${encodeURIComponent(c.id)}/files`, [['Path', f => f.path], ['Bytes', f => size(f.bytes), 'n'], ['From', f => f.source],
      ['', f => h('button.plain', {onclick: () => download(`/v1/containers/${encodeURIComponent(c.id)}/files/${encodeURIComponent(f.id)}/content`, f.path.split('/').pop()).catch(e => say(e.message))}, 'Download')]])},
  {name: 'skills', title: 'Skills', path: '/v1/skills', columns: [name, ['What for', r => r.description], ['Version', r => r.default_version], made],
    more: s => under('Versions', `/v1/skills/${encodeURIComponent(s.id)}/versions`, [['Version', v => v.version], ['What for', v => v.description], made])},
  {name: 'batches', title: 'Batches', path: '/v1/batches', columns: [['Id', r => r.id], ['Endpoint', r => r.endpoint], status, ['Lines', r => counts(r.request_counts)], made],
    more: b => h('div', {}, (b.errors?.data || []).map(e => h('p.bad', {}, `${e.line ? `line ${e.line}: ` : ''}${e.message}`)),
      ['input_file_id', 'output_file_id', 'error_file_id'].filter(k => b[k]).map(k => h('p', {}, `${k.split('_')[0]}: `, h('a', {href: `#/files/${encodeURIComponent(b[k])}`}, b[k]))),
      ['validating', 'in_progress', 'finalizing'].includes(b.status) && h('button.danger', {onclick: async () => {
        try { await post(`/v1/batches/${encodeURIComponent(b.id)}/cancel`); dispatchEvent(new Event('hashchange')); } catch (e) { say(e.message); }
      }}, 'Cancel the batch'))},
  {name: 'chats', title: 'Chat completions', path: '/v1/chat/completions', columns: [['Model', r => r.model], ['Says', r => (r.choices?.[0]?.message?.content || '').slice(0, 100)], ['Made', r => when(r.created)]]},
  {name: 'prompts', title: 'Prompts', path: '/v1/prompts', columns: [name, ['Version', r => r.version ?? r.default_version], made],
    more: p => under('Versions', `/v1/prompts/${encodeURIComponent(p.id)}/versions?limit=100`, [['Version', v => v.version], ['Made', v => when(v.version_created_at)], ['Template', v => fold('its JSON', json(v))]])},
];

export async function listPage(l, [id]) {
  if (!id) {
    const page = await get(l.path);
    const at = h('div'), more = h('div');
    let rows = [];
    const add = p => {
      rows = [...rows, ...p.data];
      at.replaceChildren(table(rows, [['Id', r => h('a', {href: `#/${l.name}/${encodeURIComponent(r.id)}`}, r.id.length > 20 ? `${r.id.slice(0, 16)}...` : r.id)], ...l.columns], `No ${l.title.toLowerCase()} in this project.`));
      more.replaceChildren(...(p.has_more ? [h('button.plain', {onclick: async () => { try { add(await get(`${l.path}?after=${encodeURIComponent(rows.at(-1).id)}`)); } catch (e) { say(e.message); } }}, 'More')] : []));
    };
    add(page);
    return h('div', {}, h('h1', {}, l.title), at, more);
  }
  const path = `${l.path}/${encodeURIComponent(id)}`, thing = await get(path);
  return h('div', {}, h('p', {}, h('a', {href: `#/${l.name}`}, l.title)), h('h1', {}, thing.name || thing.filename || thing.id),
    h('div.row', {}, h('button.danger', {onclick: async () => {
      if (!confirm('Delete it? Nothing brings it back.')) return;
      try { await del(path); location.hash = `#/${l.name}`; } catch (e) { say(e.message); }
    }}, 'Delete')), l.more && await l.more(thing), h('h2', {}, 'JSON'), json(thing));
}
