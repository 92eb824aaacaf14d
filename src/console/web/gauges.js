/* gauges.js - what the server does at this moment, from what /metrics tells, looked at again every two seconds. */
import {text} from './ask.js';
import {h, table, size} from './draw.js';

const EVERY = 2000;

/* Lines of Prometheus' text: {name: [{labels, value}]} */
export function metricsOf(page) {
  const all = {};
  for (const line of page.split('\n')) {
    const m = line.match(/^(\w+)(?:\{(.*)\})? (\S+)/);
    if (m) (all[m[1]] ||= []).push({labels: Object.fromEntries([...(m[2] || '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(l => [l[1], l[2]])), value: Number(m[3])});
  }
  return all;
}

const plain = n => n.toLocaleString();
/* [what, metric, how it reads, which of its rows]; a counter is told a second, by the two last looks. */
const groups = [
  ['Turns', [['being made', 'turns_running'], ['ended a second', 'turns_total', 'rate'], ['failed a second', 'turns_total', 'rate', l => l.status === 'failed'], ['tokens out a second', 'tokens_total', 'rate', l => l.type === 'output']]],
  ['Engines', [['slots taken', 'engine_slots_busy'], ['of slots', 'engine_slots'], ['calls that wait', 'engine_waiting'], ['calls that failed', 'engine_calls_total', 'sum', l => l.result === 'failed']]],
  ['Background', [['running here', 'background_running'], ['queued a second', 'background_queued_total', 'rate'], ['waited on average', 'background_wait_seconds', 'mean']]],
  ['Store', [['writes that wait', 'store_waiting'], ['their bytes', 'store_waiting_bytes', 'bytes'], ['commits a second', 'store_commits_total', 'rate'], ['a commit on average', 'store_commit_seconds', 'mean']]],
  ['Indexing', [['files indexed', 'index_files_total', 'sum', l => l.result === 'ok'], ['files that failed', 'index_files_total', 'sum', l => l.result === 'failed'], ['a file on average', 'index_file_seconds', 'mean']]],
  ['Sandboxes', [['alive', 'sandbox_sessions'], ['programs run', 'sandbox_boxes_total', 'sum'], ['a program on average', 'sandbox_box_seconds', 'mean']]],
  ['Webhooks', [['sent', 'webhook_sends_total', 'sum', l => l.result === 'ok'], ['failed tries', 'webhook_sends_total', 'sum', l => l.result === 'failed']]],
  ['Limits', [['keys and projects with limits', 'limit_holders'], ['requests refused', 'limit_refusals_total', 'sum']]],
];

export async function gauges() {
  const at = h('div.grid'), tools = h('div'), failed = h('p.bad', {role: 'status'}), page = h('div', {}, h('h1', {}, 'Gauges'), h('p.dim', {}, 'Of this server since it started; Prometheus reads the same at /metrics.'), failed, at, h('h2', {}, 'Tools'), tools);
  let before, then = 0;
  async function look() {
    const now = metricsOf(await text('/metrics')), seconds = (performance.now() - then) / 1000;
    const sum = (all, name, which) => (all[`antiphon_${name}`] || []).filter(r => !which || which(r.labels)).reduce((n, r) => n + r.value, 0);
    const read = ([what, name, how, which]) => {
      let v = sum(now, name, which);
      if (how === 'rate') v = before ? ((v - sum(before, name, which)) / seconds).toFixed(1) : '...';
      else if (how === 'mean') { const n = sum(now, `${name}_count`); v = n ? `${(sum(now, `${name}_sum`) / n * 1000).toFixed(1)} ms` : '-'; }
      else v = how === 'bytes' ? size(v) : plain(v);
      return [h('dt', {}, what), h('dd', {}, v)];
    };
    at.replaceChildren(...groups.map(([title, rows]) => h('div.box', {}, h('h2.said-by', {}, title), h('dl', {}, rows.flatMap(read)))));
    const calls = {};
    for (const r of now.antiphon_tool_calls_total || []) (calls[r.labels.tool] ||= {})[r.labels.result] = r.value;
    tools.replaceChildren(table(Object.entries(calls), [['Tool', ([name]) => name], ['Calls', ([, c]) => plain(c.ok || 0), 'n'], ['Failed', ([, c]) => plain(c.failed || 0), 'n']], 'No hosted tool was called yet.'));
    before = now;
    then = performance.now();
  }
  async function again() {
    if (!page.isConnected) return; /* another page was chosen */
    try { await look(); failed.textContent = ''; } catch (e) { failed.textContent = e.message; }
    setTimeout(again, EVERY);
  }
  await look();
  setTimeout(again, EVERY);
  return page;
}
