/* limits.js - what a key or a project may use at most: shown in a line, and set. */
import {post} from './ask.js';
import {h, say} from './draw.js';

/* name: what it is called here, is it of projects alone */
const names = {requests_per_minute: ['requests a minute'], tokens_per_minute: ['tokens a minute'], tokens_per_day: ['tokens a day'], turns_at_once: ['turns at once'], background_runs: ['background runs'],
  budget_per_month: ['dollars a month'], budget_warning_percent: ['% of the budget: a warning'], storage_bytes: ['bytes of files', true]};

export const limitsLine = set => Object.entries(set || {}).map(([k, v]) => `${v} ${names[k]?.[0] || k}`).join(', ') || h('span.dim', {}, 'none');

/* holder: {key} or {project}; done(data) gets everybody's limits as they are then. */
export function limitsForm(holder, called, set, done) {
  const form = h('form.box', {onsubmit: async e => {
    e.preventDefault();
    const asked = Object.fromEntries([...new FormData(form)].filter(([k, v]) => v !== (set?.[k] ?? '')).map(([k, v]) => [k, v || 'none']));
    try { done((await post('/console/api/limits', {...holder, limits: asked})).data); say('Set. They count at once.'); } catch (x) { say(x.message); }
  }}, h('p.said-by', {}, `Limits of ${called}`), h('p.dim', {}, 'An empty field is no limit.'), h('div.grid', {}, Object.entries(names).filter(([, [, alone]]) => !alone || holder.project).map(([name, [text]]) =>
    h('label.above', {}, text, h('input', {name, value: set?.[name] ?? '', inputmode: 'decimal', maxlength: '20', pattern: '[0-9]+([.][0-9]+)?', autocomplete: 'off'})))),
  h('p'), h('div.row', {}, h('button', {}, 'Set limits'), h('button.plain', {type: 'button', onclick: () => form.remove()}, 'Close')));
  return form;
}
