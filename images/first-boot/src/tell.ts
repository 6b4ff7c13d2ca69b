// Tells the coordinator how far the first start is, so that who flashed the card sees it. It speaks with the join token, and with nobody but the
// coordinator of the CA that the token names. What cannot be told is told with the next step: no report holds the first start up.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FirstBootReport,
  type JoinTokenText,
  maxFirstBootTextChars,
  plainLine,
  readJoinToken,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { sha256Hex } from '@blackroad/std/sha256';
import { peerAt } from '../../../node-agent/src/identity/trust.ts';
import { askTrusted } from '../../../node-agent/src/identity/trusted-ask.ts';
import { textAt } from './carry-out.ts';

const answerMs = 10_000;
const path = '/v1/first-boots';

export type FirstStep = FirstBootReport['steps'][number];

export async function tell(token: string, report: FirstBootReport, clock: Clock): Promise<void> {
  // The reader of the personal file has looked at the token.
  const { url, ca } = readJoinToken(token) as JoinTokenText;
  const { hosted, ...peer } = peerAt(url);
  const steps = report.steps.map(({ text, ...step }) => ({
    ...step,
    ...(text ? { text: plainLine(text).slice(0, maxFirstBootTextChars) } : {}),
  }));
  const body = Buffer.from(JSON.stringify({ ...report, steps }));
  const headers = {
    host: hosted,
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': String(body.length),
  };
  const asked = {
    method: 'POST',
    path,
    headers,
    body,
    peer: { ...peer, trust: { fingerprint: ca } },
    answerMs,
  } as const;
  await askTrusted(asked, clock).then(
    (answer) => void answer.destroy(),
    () => {},
  );
}

/** The serial of a Pi, in a digest that tells no more than which of them it is. */
export function boardAt(root: string): string {
  const serial = textAt(join(root, 'proc/device-tree/serial-number')) ?? textAt(join(root, 'etc/machine-id')) ?? '';
  return sha256Hex(`first-boot\n${serial}`).slice(0, 16);
}

/** What the image itself leaves free at the end of a card. */
const restSectors = (64 * 1024 * 1024) / 512;

/** The bytes of the system's partition where it fills the card; null: it does not, or that cannot be seen. */
export function grownBytes(root: string): number | null {
  const device = /^\S+ \S+ (\d+:\d+) \/ \/ /m.exec(textAt(join(root, 'proc/self/mountinfo')) ?? '')?.[1];
  if (!device) return null;
  const partition = join(root, 'sys/dev/block', device);
  try {
    const number = (file: string) => Number(readFileSync(join(partition, file), 'utf8'));
    const isLast = number('../size') - number('start') - number('size') <= restSectors;
    return isLast && readdirSync(partition).includes('partition') ? number('size') * 512 : null;
  } catch {
    return null;
  }
}
