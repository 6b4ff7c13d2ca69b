// What `make integrations` runs: the fleet against the real programs that people have beside it. Prints a line a claim and a sum; exit code 1
// where a claim does not hold. `PART`: one program, or a part of it (mcp, home-assistant:large).
import { asyncapi } from './asyncapi/check.ts';
import { homeAssistant } from './home-assistant/check.ts';
import { mcp } from './mcp/check.ts';
import { nodeRed } from './node-red/check.ts';
import { Proofs } from './proofs.ts';
import { vscode } from './vscode/check.ts';

const programs = { asyncapi, mcp, vscode, 'home-assistant': homeAssistant, 'node-red': nodeRed };

const say = (line: string) => process.stdout.write(`  ${line}\n`);
const proofs = new Proofs(say);
const [wanted = '', part = ''] = (process.argv[2] ?? '').split(':');
if (wanted !== '' && !(wanted in programs)) {
  process.stderr.write(`PART: expected one of ${Object.keys(programs).join(', ')}, got ${wanted}\n`);
  process.exit(2);
}
for (const [name, run] of Object.entries(programs)) if (wanted === '' || wanted === name) await run(proofs, say, part);
const { line, isGood } = proofs.sum();
say(line);
process.exit(isGood ? 0 : 1);
