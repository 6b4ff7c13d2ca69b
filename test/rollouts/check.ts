// What `make rollouts-check` runs: every story of a rollout of releases, over forty simulated and two real node-agents. Prints a line a story;
// exit code 1 with what differed. Writes what `fleet rollouts watch` printed of the five releases to docs/examples/rollouts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { noReleaseHere } from '../fixtures/released-node.ts';
import { type Fault, openStage, type Stage, versions } from './stage.ts';
import { awayNode, badRelease, badReleaseOnRealNodes, downgrade, goodRelease } from './stories.ts';

const folder = resolve(import.meta.dirname, '../../docs/examples/rollouts');
const ends: (() => unknown)[] = [];
const say = (words: string) => process.stdout.write(`  ${words}\n`);
const faults: Fault[] = ['no-start', 'leak', 'errors', 'goes-away'];

/** A picture is left out where only figures and steps of nodes differ from the one before. */
function writeTranscript(name: keyof typeof versions, printed: string): void {
  const pictures = printed.trimEnd().split(new RegExp(`^(?=node-agent ${versions[name]} )`, 'm'));
  const shapeOf = (picture: string) => picture.replace(/^ {2}(?!wave).*$|^[✓✗·] .*$|, \d+ away/gm, '');
  const kept = pictures.filter(
    (picture, i) => i === pictures.length - 1 || i === 0 || shapeOf(picture) !== shapeOf(pictures[i - 1] as string),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.txt`), `${kept.map((each) => each.trimEnd()).join('\n\n')}\n`);
}

async function story(words: string, run: () => Promise<void>): Promise<void> {
  const startedMs = Date.now();
  await run();
  say(`${words} (${Math.round((Date.now() - startedMs) / 1000)} s)`);
}

async function stories(stage: Stage): Promise<void> {
  await stage.add('good', 'later', ...faults);
  for (const fault of faults) {
    await story(`${fault}: stopped in the first wave by its gate, and taken back`, async () =>
      writeTranscript(fault, await badRelease(stage, fault, 'base')),
    );
    await story(`${fault}: the same on real node-agents alone`, () => badReleaseOnRealNodes(stage, fault, 'base'));
  }
  await story('good: through all waves, over the death of the coordinator', async () =>
    writeTranscript('good', await goodRelease(stage, 'good')),
  );
  await story('versions are skipped, and a node that was away follows in the present wave', () =>
    awayNode(stage, 'later'),
  );
  await story('an older one is refused without consent, and goes through with it', () => downgrade(stage, 'base'));
}

try {
  if (noReleaseHere) throw new Error(noReleaseHere);
  const stage = await openStage({ teardown: (run) => ends.unshift(run) });
  say('a coordinator, forty simulated nodes and two real ones are up');
  await stories(stage);
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
} finally {
  for (const end of ends) await end();
}
process.exit();
