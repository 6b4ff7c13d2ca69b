// The file with the key of the machine's owner, which the CLI on this machine reads.
import { existsSync, writeFileSync } from 'node:fs';
import { coordinatorSelf, defaultSpace, FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Coordinator } from '../road/coordinator.ts';
import { ensureFirstAdmin, mintKey } from './access.ts';

/** The key of the machine's owner, for the CLI: made once, made anew when the file was lost. */
export async function keepAdminKey(
  coordinator: Coordinator,
  keyFile: string,
  clock: Clock,
  random: Random,
): Promise<void> {
  const first = await ensureFirstAdmin(coordinator, clock, random);
  if (first !== null) {
    writeFileSync(keyFile, `${first}\n`, { mode: 0o600 });
    return;
  }
  if (existsSync(keyFile)) return;
  const { text, row } = mintKey(
    { name: `local-${random.hex(4)}`, role: 'admin', space: defaultSpace },
    clock.nowMs(),
    random,
  );
  const outcome = await coordinator.submit('key-create', { by: coordinatorSelf, row });
  if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
  writeFileSync(keyFile, `${text}\n`, { mode: 0o600 });
}
