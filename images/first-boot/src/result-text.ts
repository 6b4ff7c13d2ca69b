// What the first boot says beside the personal file, in plain words and without a secret: what it read, what holds, what does not and why.
// Any editor of Windows shows it. Pure.
import type { PersonalFault, ReadPersonalFile } from '@blackroad/protocol/personal-file';

export interface Done {
  about: string;
  /** Null: it was asked for afterwards, and is as it was asked for. */
  problem: string | null;
}
export interface Outcome {
  name: string;
  faults: readonly PersonalFault[];
  putRight: ReadPersonalFile['putRight'];
  done: readonly Done[];
  /** How joining the fleet stands. */
  fleet: string;
  wiped: boolean;
}

export function resultText({ name, faults, putRight, done, fleet, wiped }: Outcome): string {
  const right = putRight.map(({ line, what }) => `  line ${line}: ${what}`);
  if (faults.length > 0) {
    const found = faults.map(({ line, field, text }) => `  line ${line}, ${field}: ${text}`);
    return page([
      `This Pi did nothing of what ${name} says: ${faults.length === 1 ? 'there is a fault in it' : `there are ${faults.length} faults in it`}.`,
      'Mend it in any editor and start the Pi again. Until then its green light blinks fast.',
      '',
      ...found,
      ...(right.length > 0 ? ['', 'Read as it was meant:', ...right] : []),
    ]);
  }
  const held = done.filter(({ problem }) => problem === null).map(({ about }) => `  ${about}`);
  const failed = done.filter(({ problem }) => problem !== null).map(({ about, problem }) => `  ${about}: ${problem}`);
  return page([
    `${name} was read.`,
    ...(right.length > 0 ? ['', 'Read as it was meant:', ...right] : []),
    ...(held.length > 0 ? ['', 'Set, and looked at afterwards:', ...held] : []),
    ...(failed.length > 0 ? ['', 'NOT set (tried again at the next start):', ...failed] : []),
    '',
    `The fleet: ${fleet}`,
    ...(wiped ? ['', `Removed from ${name}: the join token and the passwords of Wi-Fi networks.`] : []),
  ]);
}

/** Where there is no file to speak of. */
export const nothingText = (why: string) =>
  page([why, 'What this Pi is to be stands in blackroad.yaml beside this file, and is read at each start.']);

const page = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n`;
