// The process of the first boot, which its unit starts with the machine (blackroad-first-boot.service). Another root than `/`
// may be named.
import { systemClock } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { systemRandom } from '@blackroad/std/random';
import { thisMachine } from './carry-out.ts';
import { firstBoot } from './first-boot.ts';

const letGo = holdProcess();
try {
  await firstBoot({ machine: thisMachine(process.argv[2] ?? '/'), clock: systemClock, random: systemRandom });
} catch (error) {
  process.stderr.write(`first-boot: ${(error as Error).stack}\n`);
  process.exitCode = 1;
} finally {
  letGo();
}
