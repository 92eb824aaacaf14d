/* usage.js - what was used, day by day, by model, project or key, and what it cost. */
import {get} from './ask.js';
import {h, table, bars, say} from './draw.js';

const kinds = {completions: 'Responses and chats', embeddings: 'Embeddings', images: 'Pictures', web_search_calls: 'Web searches', file_search_calls: 'File searches', audio_speeches: 'Speech', audio_transcriptions: 'Transcriptions', moderations: 'Moderations', rerankings: 'Rerankings'};
const groups = {model: 'Model', project_id: 'Project', api_key_id: 'API key'};
const many = n => (n || 0).toLocaleString();
const of = r => (r.input_tokens || 0) + (r.output_tokens || 0) || r.images || r.num_requests || r.num_model_requests || 0;

export async function usage([by]) {
  const pick = (label, name, all) => h('label.above', {}, label, h('select', {name}, Object.entries(all).map(([value, text]) => h('option', {value}, text))));
  const at = h('div', {'aria-live': 'polite'});
  const form = h('form.row', {onchange: () => show().catch(e => say(e.message)), onsubmit: e => e.preventDefault()}, pick('What', 'kind', kinds), pick('By', 'by', groups), pick('Days', 'days', {7: 'the last 7', 31: 'the last 31', 1: 'today'}));
  if (groups[by]) form.elements.by.value = by;
  async function show() {
    const {kind, by, days} = Object.fromEntries(new FormData(form));
    const start = Math.floor(Date.now() / 86400000 - days + 1) * 86400, query = `start_time=${start}&bucket_width=1d&limit=${days}`;
    const [used, costs, keys] = await Promise.all([get(`/v1/organization/usage/${kind}?${query}&group_by=${by}`), get(`/v1/organization/costs?${query}`), by === 'api_key_id' ? get('/console/api/keys') : {data: []}]);
    const names = Object.fromEntries(keys.data.map(k => [k.id, k.name])), sums = new Map();
    for (const r of used.data.flatMap(b => b.results)) {
      const name = r[by] || 'none', sum = sums.get(name) || {name: names[name] || name};
      for (const [k, v] of Object.entries(r)) if (typeof v === 'number') sum[k] = (sum[k] || 0) + v;
      sums.set(name, sum);
    }
    const rows = [...sums.values()].sort((a, b) => of(b) - of(a)), unit = kind === 'completions' || kind === 'embeddings' ? 'tokens' : '';
    const money = costs.data.flatMap(b => b.results).reduce((sum, r) => sum + Number(r.amount?.value || 0), 0);
    at.replaceChildren(h('h2', {}, 'By day'), bars(used.data.map(b => { const n = b.results.reduce((sum, r) => sum + of(r), 0); return [new Date(b.start_time * 1000).toISOString().slice(0, 10), n, `${many(n)} ${unit}`]; })),
      h('h2', {}, `By ${groups[by]}`), table(rows, [[groups[by], r => r.name], ['Requests', r => many(r.num_model_requests || r.num_requests), 'n'], ['Tokens in', r => many(r.input_tokens), 'n'], ['of them cached', r => many(r.input_cached_tokens), 'n'],
        ['Tokens out', r => many(r.output_tokens), 'n'], ...(kind === 'images' ? [['Pictures', r => many(r.images), 'n']] : [])], 'Nothing was used in these days.'),
      h('h2', {}, 'Costs'), money ? h('p', {}, `$${money.toFixed(money < 1 ? 4 : 2)} in these days, all projects together.`) : h('p.dim', {}, 'None: no model has a price (the setting prices.models), or nothing was used.'));
  }
  await show();
  return h('div', {}, h('h1', {}, 'Usage'), h('p.dim', {}, 'All projects together, whichever is chosen above; by days of UTC.'), form, at);
}
