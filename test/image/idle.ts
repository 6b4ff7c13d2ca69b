// The story of a node that has nothing to do: how much it writes to its card. In: a stage. Out: the figure of a day, who wrote, or an assertion
// that fails. The kernel's own count of the device is what is compared; the processes are named for whoever has to find a cause.
import assert from 'node:assert/strict';
import { settled } from './card.ts';
import type { Stage } from './stage.ts';

const maxBytesADay = 5_000_000;
const sectorBytes = 512;
/**
 * What a start and a first answer write is no part of it: within ten minutes the node-agent keeps how fast its model was, and says, where no
 * server of times is reached, as here, that its clock is not set.
 */
const settleMs = 15 * 60_000;
const minutes = Number(process.env.IDLE_MINUTES || 60);

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Bytes written to the card since the start. */
async function written({ pi }: Stage): Promise<number> {
  const row = await pi.run('sync; cat /sys/block/vda/stat');
  return Number(row.trim().split(/\s+/)[6]) * sectorBytes;
}
/** Of each process, what it gave to the card, by its own count. */
async function writers({ pi }: Stage): Promise<Map<string, number>> {
  const rows = await pi.run(
    `for each in /proc/[0-9]*; do echo "$(tr -d '\\n' <$each/comm 2>/dev/null)-\${each#/proc/} $(sed -n 's/^write_bytes: //p' $each/io 2>/dev/null)"; done`,
  );
  const pairs = rows.split('\n').map((row) => row.split(' ') as [string, string | undefined]);
  return new Map(pairs.map(([who, bytes]) => [who, Number(bytes ?? 0)]));
}

const tracing = '/sys/kernel/tracing';
/** From here on the kernel keeps which files of the card are changed, and by whom. */
const traceFiles = ({ pi }: Stage) =>
  pi.run(
    `echo >${tracing}/trace; for event in ext4_mark_inode_dirty ext4_sync_file_enter; do echo 1 >${tracing}/events/ext4/$event/enable; done`,
  );
/** The files of the card that were changed most often, each with who did it and how often; with `sync` where the writer waited for the card. */
async function filesWritten({ pi }: Stage): Promise<string[]> {
  const counted = `sed -nE 's/^ *(.*) \\[[0-9]+\\].*ext4_(mark|sync)[a-z_]*: dev ([0-9,]+) ino ([0-9]+).*/\\3 \\4 \\1 \\2/p' ${tracing}/trace`;
  const rows = await pi.run(`${counted} | sort | uniq -c | sort -rn | head -n 30`);
  const named = async (row: string) => {
    const [times, dev, inode, ...who] = row.trim().split(' ');
    const mount = await pi.run(
      `findmnt -rno TARGET -S $(readlink -f /dev/block/${dev?.replace(',', ':')}) | head -n 1`,
    );
    const path = await pi.run(`find ${mount.trim()} -xdev -inum ${inode} -print -quit`);
    return `${path.trim() || `a file that is gone (${inode})`}, ${who.join(' ')}: ${times} times`;
  };
  const files: string[] = [];
  for (const row of rows.split('\n').filter(Boolean)) files.push(await named(row));
  return files;
}

export async function idle(stage: Stage): Promise<void> {
  const { say } = stage;
  await settled(stage);
  await pause(settleMs);
  await traceFiles(stage);
  const [before, own] = [await written(stage), await writers(stage)];
  const beganMs = performance.now();
  await pause(minutes * 60_000);
  const bytes = (await written(stage)) - before;
  const hours = (performance.now() - beganMs) / 3_600_000;
  const grown = [...(await writers(stage))].map(([who, now]): [string, number] => [who, now - (own.get(who) ?? 0)]);
  const most = grown.filter(([, more]) => more > 0).sort((a, b) => b[1] - a[1]);
  const aDay = (bytes / hours) * 24;
  say(
    `idle for ${Math.round(hours * 60)} min: ${(bytes / 1000).toFixed(1)} kB written to the card, ${(aDay / 1e6).toFixed(2)} MB a day`,
  );
  for (const [who, more] of most.slice(0, 6)) say(`  ${who}: ${(more / 1000).toFixed(1)} kB`);
  for (const file of await filesWritten(stage)) say(`  ${file}`);
  assert.ok(aDay <= maxBytesADay, `expected at most ${maxBytesADay / 1e6} MB a day`);
}
