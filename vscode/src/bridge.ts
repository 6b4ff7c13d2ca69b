// The process that speaks MCP for the editor where the fleet's own CA signs the coordinator's certificate: the editor's HTTP cannot be told of a CA.
// In: lines of MCP, and the place of the fleet in the environment, where other users of the machine do not see it. Out: lines of MCP.
import { createClient } from '../../coordinator/cli/src/client.ts';
import { bridgeMcp } from '../../coordinator/cli/src/mcp-bridge.ts';

const { BLACKROAD_COORDINATOR: url = '', BLACKROAD_KEY: key = '', BLACKROAD_CA_PEM: ca = '' } = process.env;
const note = (text: string) => void process.stderr.write(`${text}\n`);
process.stdout.on('error', () => process.exit());
const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());
// The bundle is CommonJS, which cannot wait here.
void bridgeMcp({
  client: createClient({ url, key, ca: ca === '' ? null : ca }),
  write: (text) => void process.stdout.write(text),
  note,
  signal: ended.signal,
});
