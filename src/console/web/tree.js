/* tree.js - how turns hang together, as a picture whose nodes are links: what continues what goes down, what forks goes aside. */
import {get} from './ask.js';
import {h, svg, ago} from './draw.js';

const WIDE = 190, HIGH = 64, BOX = 176, TALL = 46, MARK = 24;
const cut = (text, n) => text && text.length > n ? `${text.slice(0, n - 1)}…` : text || '';

/* Gives each node its column and row: a first child stands below its parent, each further one in a column of its own. */
function place(nodes) {
  const children = nodes.map(() => []);
  nodes.forEach((n, i) => n.parent !== null && children[n.parent].push(i));
  const at = [], rest = nodes.flatMap((n, i) => n.parent === null ? [[i, 0]] : []).reverse();
  let columns = 0;
  while (rest.length) {
    let [i, row, column] = rest.pop();
    at[i] = {column: column ?? columns++, row};
    children[i].slice(1).reverse().forEach(c => rest.push([c, row + 1]));
    if (children[i].length) rest.push([children[i][0], row + 1, at[i].column]);
  }
  return {at, columns, rows: 1 + Math.max(...at.map(a => a.row))};
}

function node(n, {column, row}, here) {
  const x = column * WIDE + 4, y = row * HIGH + 4, name = n.id ? `${n.asked || n.id.slice(0, 13)}: ${n.said || n.status}` : 'deleted';
  const inner = [svg('rect', {x, y, width: BOX, height: TALL, rx: 5, class: `node ${n.id ? n.status : 'gone'}${here ? ' here' : ''}`}),
    svg('text', {x: x + 8, y: y + 18}, cut(n.asked || (n.id ? n.id.slice(0, 13) : 'deleted'), MARK)), svg('text', {x: x + 8, y: y + 36, class: 'dim'}, cut(n.said || n.status || '', MARK))];
  const title = svg('title', {}, n.id ? `${name} (${n.model}, ${ago(n.created_at)})` : 'deleted');
  return n.id ? svg('a', {href: `#/responses/${encodeURIComponent(n.id)}`, ...(here ? {'aria-current': 'true'} : {})}, title, ...inner) : svg('g', {}, title, ...inner);
}

/* `id`: a response's or a conversation's. Nothing when it stands alone. */
export async function tree(id) {
  let t;
  try { t = await get(`/console/api/tree/${encodeURIComponent(id)}`); } catch (e) { return e.status === 404 ? undefined : h('p.warn', {}, e.message); }
  if (t.data.length < 2) return undefined;
  const {at, columns, rows} = place(t.data);
  const picture = svg('svg', {class: 'tree', width: columns * WIDE, height: rows * HIGH, role: 'group', 'aria-label': `${t.data.length} turns`});
  t.data.forEach((n, i) => {
    if (n.parent === null) return;
    const from = at[n.parent], to = at[i], x = to.column * WIDE + BOX / 2, y = to.row * HIGH + 4, fx = from.column * WIDE + BOX / 2, fy = from.row * HIGH + 4 + TALL;
    picture.append(svg('path', {d: `M${fx} ${fy} C${fx} ${y - 4} ${x} ${fy + 4} ${x} ${y}`, class: 'edge'}));
  });
  t.data.forEach((n, i) => picture.append(node(n, at[i], n.id === id)));
  return h('div', {}, h('h2', {}, 'Turns and forks'), h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'Turns and forks'}, picture), t.cut && h('p.dim', {}, 'There are more than are drawn.'));
}
