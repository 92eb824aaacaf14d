// A server of the TypeScript SDK for MCP: mcp_peer.mjs PORT FOLDER, where FOLDER has the SDK's node_modules.
import {createServer} from 'node:http';
import {createRequire} from 'node:module';

const [port, folder] = process.argv.slice(2), load = createRequire(`${folder}/package.json`);
const {McpServer, createMcpHandler} = load('@modelcontextprotocol/server'), {toNodeHandler} = load('@modelcontextprotocol/node');
const z = load('zod'), text = s => ({content: [{type: 'text', text: s}]});

function peer() {
  const server = new McpServer({name: 'peer', version: '1.0.0'});
  server.registerTool('add', {description: 'Add two integers.', inputSchema: z.object({a: z.number(), b: z.number()})}, ({a, b}) => text(String(a + b)));
  server.registerTool('boom', {description: 'Raises.'}, () => { throw new Error('boom: the database is down'); });
  server.registerTool('slow', {description: 'Takes its time.', inputSchema: z.object({seconds: z.number()})}, async ({seconds}) => {
    await new Promise(done => setTimeout(done, seconds * 1000));
    return text('done');
  });
  server.registerTool('big', {description: 'Much text.', inputSchema: z.object({kilobytes: z.number()})}, ({kilobytes}) => text('x'.repeat(1024 * kilobytes)));
  return server;
}

createServer(toNodeHandler(createMcpHandler(peer))).listen(Number(port), '127.0.0.1');
