// What `make image-boot` runs: the image starts in QEMU, and has to hold what is promised of it, a story after the other. Prints a line a step;
// the consoles' log and the last start's journal stay in the folder of its work. Exit code 1 with what differed. `PART` names the stories of one run: all share one card but
// `ollama` and `read-only`, which write their own.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { imageIn } from '../../images/src/check.ts';
import { cuts, join as joins, writtenAnew } from './card.ts';
import { idle } from './idle.ts';
import { ollama } from './ollama.ts';
import { readOnly } from './read-only.ts';
import { openStage, type Stage } from './stage.ts';
import { updates } from './updates.ts';

const root = resolve(import.meta.dirname, '../..');
const work = process.env.IMAGE_BOOT_DIR || join(root, '.image-boot');
const lastWordsMs = 60_000;
const stories: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  cuts,
  anew: writtenAnew,
  updates: (stage) => updates(stage, process.env.KEY),
  ollama,
  idle,
  'read-only': readOnly,
};

const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };

async function main(): Promise<void> {
  const given = process.argv[2] ?? 'dist';
  const image = given.endsWith('.img') ? given : imageIn(resolve(root, given));
  if (image === null) {
    process.stdout.write('  SKIPPED: there is no image in dist/. `make image` builds one.\n');
    return;
  }
  const parts = (process.env.PART || Object.keys(stories).join(' ')).split(/\s+/);
  const unknown = parts.find((part) => !stories[part]);
  if (unknown) throw new Error(`PART: expected some of ${Object.keys(stories).join(', ')}, got ${unknown}`);
  const stage = await openStage(t, image, work);
  ends.unshift(() => journal(stage));
  if (parts.some((part) => !['ollama', 'read-only'].includes(part))) await joins(stage);
  for (const part of parts) await stories[part]?.(stage);
}

/** What the machine itself says of its last start: with a story that failed, it names the cause. */
async function journal({ pi }: Stage): Promise<void> {
  const said = await pi
    .run('systemctl --failed --no-pager; journalctl -b --no-pager | tail -n 400', lastWordsMs)
    .catch((error: Error) => `The machine did not answer: ${error.message}`);
  writeFileSync(join(work, 'journal.log'), said);
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `image-boot: ${(error as Error).stack}\n  The consoles and the journal: ${join(work, '{serial,journal}.log')}\n`,
  );
  process.exitCode = 1;
} finally {
  for (const end of ends) await end();
}
process.exit();
