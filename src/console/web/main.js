/* main.js - which page is shown: #/NAME/REST. A page is a function that returns an element, or a promise of one. */
import {get, post, projectName, chooseProject} from './ask.js';
import {h, say} from './draw.js';
import {start} from './start.js';
import {keys} from './keys.js';
import {responses} from './responses.js';
import {conversations} from './conversations.js';
import {approvals} from './approvals.js';
import {playground} from './playground.js';
import {usage} from './usage.js';
import {settings} from './settings.js';
import {engines} from './engines.js';
import {mcp} from './mcp.js';
import {gauges} from './gauges.js';
import {runs} from './runs.js';
import {webhooks} from './webhooks.js';
import {lists, listPage} from './lists.js';

const pages = [['start', 'Start', start], ['keys', 'API keys', keys], ['responses', 'Responses', responses], ['runs', 'Runs', runs], ['conversations', 'Conversations', conversations], ['approvals', 'Approvals', approvals], ['mcp', 'MCP servers', mcp], ['playground', 'Playground', playground], ['gauges', 'Gauges', gauges], ['engines', 'Engines', engines],
  ...lists.map(l => [l.name, l.title, rest => listPage(l, rest)]), ['webhooks', 'Webhooks', webhooks], ['usage', 'Usage', usage], ['settings', 'Settings', settings]];
const main = document.getElementById('main'), nav = document.getElementById('nav');
let shown = 0;

async function show() {
  const [, name = 'start', ...rest] = location.hash.split('/'), page = pages.find(p => p[0] === name) || pages[0], mine = ++shown;
  nav.replaceChildren(...pages.map(p => h('a', {href: `#/${p[0]}`, 'aria-current': p === page ? 'page' : undefined}, p[1])));
  document.title = `${page[1]} - Antiphon`;
  let made;
  try {
    made = await page[2](rest.map(decodeURIComponent));
  } catch (e) {
    made = e.status === 401 ? signIn(e.message) : h('div.box', {role: 'alert'}, h('p.bad', {}, e.message), h('button', {onclick: show}, 'Try again'));
  }
  if (mine !== shown) return; /* another page was chosen meanwhile */
  main.replaceChildren(made);
  main.focus({preventScroll: true});
}

function signIn(why) {
  return h('div.box', {}, h('h1', {}, 'Sign in'), h('p', {}, why), h('pre', {}, 'antiphon console'));
}

async function projects() {
  const select = document.getElementById('project');
  const all = (await get('/console/api/overview')).projects;
  if (!all.includes(projectName())) chooseProject('default');
  select.replaceChildren(...all.map(p => h('option', {value: p, selected: p === projectName()}, p)));
}

document.getElementById('project').addEventListener('change', e => { chooseProject(e.target.value); show(); });
document.getElementById('project').addEventListener('focus', () => projects().catch(() => {}));
document.getElementById('sign-out').addEventListener('click', async () => {
  try { await post('/console/api/sign_out'); } catch (e) { say(e.message); }
  main.replaceChildren(signIn('You have signed out.'));
});

/* A link of `antiphon console` ends in #sign-in=SECRET; it is used up at once and leaves the address. */
async function begin() {
  const link = location.hash.match(/^#sign-in=([\w-]+)$/)?.[1];
  if (link) history.replaceState(null, '', '#/start');
  try {
    await post('/console/api/sign_in', link ? {link} : {});
    await projects().catch(() => { chooseProject('default'); return projects(); });
    await show();
  } catch (e) {
    main.replaceChildren(signIn(e.message));
  }
}

addEventListener('hashchange', () => (location.hash.startsWith('#sign-in=') ? begin() : show()));
begin();
