// The process that looks at the machine: what it loads and the dozens of programs that it starts are gone when it has printed one line of JSON.
// It runs only when the machine has nothing better to do.
import { setPriority } from 'node:os';
import { askMachine } from './ask.ts';
import { hardwareOf } from './parts.ts';

const lowestPriority = 19;

try {
  setPriority(lowestPriority);
} catch {
  // Not all systems allow it, nor does the hardened unit: it then has the same share as the node-agent.
}
const { told, lacks } = await askMachine();
process.stdout.write(JSON.stringify(hardwareOf(told, lacks, process.platform)), () => process.exit(0));
