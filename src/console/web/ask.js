/* ask.js - requests to the server this page came from. A failure is an Error with OpenAI's message. */
const own = {'x-antiphon-console': '1'};
let project = localStorage.getItem('project') || 'default';

export const projectName = () => project;
export function chooseProject(name) { project = name; localStorage.setItem('project', name); }

export class Refused extends Error {
  constructor(status, error) { super(error?.message || `The server answered ${status}.`); this.status = status; this.error = error || {}; }
}

async function send(method, path, body, signal) {
  const headers = {...own, 'openai-project': project};
  if (body !== undefined && !(body instanceof FormData)) { headers['content-type'] = 'application/json'; body = JSON.stringify(body); }
  const answer = await fetch(path, {method, headers, body, signal, credentials: 'same-origin'});
  if (!answer.ok) {
    let said = {};
    try { said = await answer.json(); } catch { /* not JSON: the status has to do */ }
    throw new Refused(answer.status, said.error);
  }
  return answer;
}

export const get = async path => (await send('GET', path)).json();
export const post = async (path, body = {}) => (await send('POST', path, body)).json();
export const del = async path => (await send('DELETE', path)).json();
export const text = async path => (await send('GET', path)).text();
export const bytes = async path => (await send('GET', path)).blob();

/* Calls each(event) for every event of a stream. */
export async function stream(path, body, each, signal) {
  const answer = await send(body === undefined ? 'GET' : 'POST', path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    rest += value;
    let end;
    while ((end = rest.indexOf('\n\n')) >= 0) {
      const data = rest.slice(0, end).split('\n').filter(l => l.startsWith('data:')).map(l => l.slice(5).trimStart()).join('\n');
      rest = rest.slice(end + 2);
      if (data && data !== '[DONE]') each(JSON.parse(data));
    }
  }
}
