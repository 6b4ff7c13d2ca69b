// The process that installs Ollama, which blackroad-ollama.service starts and which ends with 0 when it is there. In: a folder with the identity of the
// node, a folder for what it says, which the node-agent reads, and the file that says which release. Without a right of root.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OllamaRelease } from '@blackroad/protocol/ollama-release';
import { systemClock as clock } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { systemRandom as random } from '@blackroad/std/random';
import { createFleetCache } from '../../../node-agent/src/cache/fleet-cache.ts';
import { type Identity, loadIdentity } from '../../../node-agent/src/identity/identity.ts';
import { ollamaStateName } from '../../../node-agent/src/runtimes/ollama-coming.ts';
import { installOllama } from './install-ollama.ts';

const place = '/opt/ollama';
const home = '/var/lib/ollama/program';

const [credentials = '', state = '', file = ''] = process.argv.slice(2);
const letGo = holdProcess();
try {
  const release = JSON.parse(readFileSync(file, 'utf8')) as OllamaRelease;
  const identity = loadIdentity(credentials) as Identity;
  const cache = createFleetCache(() => identity, clock);
  await installOllama({
    release,
    place,
    home,
    open: (path, headers) => cache.open({ path, headers }),
    clock,
    random,
    say(text) {
      process.stdout.write(`${text}\n`);
      writeFileSync(join(state, ollamaStateName), text);
    },
  });
} catch (error) {
  process.stderr.write(`blackroad-ollama: ${(error as Error).stack}\n`);
  process.exitCode = 1;
} finally {
  letGo();
}
