/* draw.js - elements out of data. What strangers wrote becomes text nodes, never markup: nothing here takes HTML. */
export function h(tag, attrs = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const e = document.createElement(name);
  if (classes.length) e.className = classes.join(' ');
  for (const [k, v] of Object.entries(attrs)) {
    if (v === undefined || v === null || v === false) continue;
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (k in e && typeof v !== 'string') e[k] = v;
    else e.setAttribute(k, v === true ? '' : v);
  }
  e.append(...children.flat().filter(c => c !== undefined && c !== null && c !== false));
  return e;
}

export const when = s => s ? new Date(s * 1000).toLocaleString() : '-';
export const ago = s => {
  const n = Math.max(0, Math.round(Date.now() / 1000 - s));
  return n < 60 ? `${n} s ago` : n < 3600 ? `${Math.round(n / 60)} min ago` : n < 86400 ? `${Math.round(n / 3600)} h ago` : when(s);
};
export const size = n => n === undefined || n === null ? '-' : n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(1)} KB` : `${(n / 1048576).toFixed(1)} MB`;
const good = ['completed', 'running', 'processed', 'active', 'approved'], bad = ['failed', 'expired', 'cancelled', 'error', 'refused'];
export const state = (s, shown = s) => h(`span.${good.includes(s) ? 'good' : bad.includes(s) ? 'bad' : 'warn'}`, {}, shown ?? '-');
export const json = v => h('pre', {tabindex: '0'}, typeof v === 'string' ? v : JSON.stringify(v, null, 2));
export const fold = (title, ...inner) => h('details', {}, h('summary', {}, title), ...inner);

/* columns: [title, row => what stands there, 'n' for numbers] */
export function table(rows, columns, empty) {
  if (!rows.length) return h('p.dim', {}, empty || 'Nothing here yet.');
  return h('div.wide', {}, h('table', {},
    h('thead', {}, h('tr', {}, columns.map(([t, , n]) => h(n ? 'th.n' : 'th', {scope: 'col'}, t)))),
    h('tbody', {}, rows.map(r => h('tr', {}, columns.map(([, f, n]) => h(n ? 'td.n' : 'td', {}, f(r) ?? '-')))))));
}

/* Headings, fenced code and emphasis of Markdown; all else stays as it was written. */
export function markdown(text) {
  const out = h('div.text');
  text.split(/^```/m).forEach((part, i) => {
    if (i % 2) {
      out.append(h('pre', {tabindex: '0'}, part.replace(/^[^\n]*\n/, '')));
      return;
    }
    for (const line of part.split(/(?<=\n)/)) {
      const head = line.match(/^#{1,6} (.*)\n?$/);
      if (head) { out.append(h('h3', {}, head[1])); continue; }
      line.split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).forEach(s => out.append(
        s.startsWith('**') && s.length > 4 ? h('strong', {}, s.slice(2, -2)) : s.startsWith('`') && s.length > 2 ? h('code', {}, s.slice(1, -1)) : s));
    }
  });
  return out;
}

export function copyButton(text, label = 'Copy') {
  const b = h('button.plain', {type: 'button', onclick: async () => {
    try { await navigator.clipboard.writeText(text); say('Copied.'); } catch { say('The browser did not permit copying: select it by hand.'); }
  }}, label);
  return b;
}

let quiet;
export function say(text) {
  const at = document.getElementById('said');
  at.textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => { at.textContent = ''; }, 6000);
}

export function svg(tag, attrs, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}
const chart = (n, said) => svg('svg', {class: 'bars', viewBox: `0 0 640 ${n * 24}`, role: 'img', 'aria-label': said});

/* Spans of time to scale, one below the other: [label, start, duration or null, text], of `total`. */
export function timeLine(rows, total) {
  const picture = chart(rows.length, rows.map(r => `${r[0]}: ${r[3]}`).join(', ')), at = v => 150 + v / Math.max(1, total) * 360;
  rows.forEach(([label, start, duration, text], i) => picture.append(svg('text', {x: 0, y: i * 24 + 16}, label),
    svg('rect', {x: at(start), y: i * 24 + 4, width: Math.max(1, at(start + (duration || 0)) - at(start)), height: 15, rx: 2, class: label.startsWith(' ') ? 'other' : ''}),
    svg('text', {x: Math.min(at(start + (duration || 0)) + 6, 520), y: i * 24 + 16}, text)));
  return picture;
}

/* Horizontal bars to scale: [label, value, text]. */
export function bars(rows) {
  const most = Math.max(1, ...rows.map(r => r[1])), picture = chart(rows.length, rows.map(r => `${r[0]}: ${r[2]}`).join(', '));
  rows.forEach(([label, value, text], i) => picture.append(svg('text', {x: 0, y: i * 24 + 16}, label),
    svg('rect', {x: 150, y: i * 24 + 4, width: Math.max(1, value / most * 360), height: 15, rx: 3, class: i % 2 ? 'other' : ''}), svg('text', {x: 158 + value / most * 360, y: i * 24 + 16}, text)));
  return picture;
}
