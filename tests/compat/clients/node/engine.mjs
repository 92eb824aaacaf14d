// The scripted engine, from the tests' side: scripts are sent to it, what it was asked comes back (../node_suite.py).
const engine = process.env.ENGINE_URL;
const post = async (path, body) => {
  const answer = await fetch(engine + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

// A step is the name of a function of engine_script.py and its arguments.
export const say = (...pieces) => ['say', ...pieces];
export const think = (...pieces) => ['think', ...pieces];
export const call = (name, ...pieces) => ['call', name, ...pieces];
export const calls = (...all) => ['calls_interleaved', ...all];
export const finish = (reason) => ['finish', reason];
export const status = (code, error) => ['status', code, error];
export const hang = () => ['hang'];

// The script of the next call that has none yet.
export const next = (...steps) => post('/script', steps);
// The bodies of all calls since the last fresh(); fresh() fails when a script was never asked for.
export const asked = () => post('/asked', {});
export const fresh = () => post('/fresh', {});
export const last = async () => (await asked()).at(-1);
// Until the engine saw its caller leave.
export const left = () => post('/left', {});
export const roles = (body) => body.messages.map((m) => m.role);
export const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
