// Reads the output of nvidia-smi card by card: a warning beside the table does not spoil it, a field that a card does not have is `[N/A]`
// or `[Not Supported]`, and any other text in its place means that the card does not work. Pure.
import { plausibleC } from './power.ts';
import type { Printed } from './programs.ts';

export interface GpuCard {
  name: string;
  /** The card uses the machine's own memory (Jetson, GB10). */
  sharesMemory: boolean;
  /** Null where it is shared, or where the card does not report it. */
  memoryBytes: number | null;
  /** Null where the card does not report it. */
  usedBytes: number | null;
  utilisation: number;
  temperatureC: number | null;
  /** The text of nvidia-smi; null: the card works. */
  fault: string | null;
  /** For a working card: the text of nvidia-smi in place of a value that a sensor does not give. */
  failingSensor: string | null;
}
export interface GpuAnswer {
  /** The listed cards; empty: nvidia-smi reported that there are none. */
  cards: GpuCard[];
  /** Lines about cards that it cannot list. */
  lost: string[];
  warnings: string[];
}
const MiB = 1024 * 1024;
/** A thousand times the memory of the largest card: a larger number is a fault of the driver. */
const mostMiB = 2 ** 28;

export const nvidiaSmi = {
  paths: [
    '/usr/bin/nvidia-smi',
    '/usr/local/bin/nvidia-smi',
    '/usr/lib/wsl/lib/nvidia-smi',
    '/usr/local/nvidia/bin/nvidia-smi',
  ],
  args: ['--query-gpu=name,memory.total,memory.used,utilization.gpu,temperature.gpu', '--format=csv,noheader,nounits'],
  everyMs: 15_000,
  // Without persistence mode each call loads the driver: more than 25 s on a box with eight cards.
  deadlineMs: 120_000,
};

/** The meanings of exit codes that come with valid data, from the manual of nvidia-smi. */
const codeWords: Record<number, string> = {
  8: 'a GPU lacks a power cable',
  10: 'the kernel found an interrupt problem with a GPU',
  14: 'the infoROM of a GPU is corrupted',
  15: 'a GPU has fallen off the bus or cannot be reached',
};
const value = /^-?\d+(\.\d+)?( *(MiB|%|C))?$/;
const absent = /^\[?(N\/A|Not Supported|Not Available|Not Found|Insufficient Permissions|Unknown)\]?$/i;
const inBrackets = /^\[.*\]$|^ERR!?$|^Unknown Error$/i;
const shared = /(?<![A-Za-z0-9])(GB10|Orin|Thor|Xavier|Tegra|nvgpu|Jetson)(?![A-Za-z0-9])/i;
const noneWords = /no devices (were )?found/i;
const lostWords =
  /unable to determine the device handle|is lost|fallen off the bus|requires? (a )?reset|reset required/i;

/** `board`: the machine's board. Null: the output is no answer, whatever it is. */
export function readNvidiaSmi({ stdout, stderr, code }: Printed, board = ''): GpuAnswer | null {
  const answer: GpuAnswer = { cards: [], lost: [], warnings: [] };
  let saysNone = false;
  for (const line of stdout.split('\n').map((each) => each.trim())) {
    if (line === '') continue;
    const card = readCard(line, board);
    if (card) {
      answer.cards.push(card);
      if (card.fault === null && card.failingSensor !== null)
        answer.warnings.push(`${card.name}: a sensor fails, ${card.failingSensor}`);
    } else if (noneWords.test(line)) saysNone = true;
    else if (lostWords.test(line)) answer.lost.push(line);
    else answer.warnings.push(line);
  }
  for (const line of stderr.split('\n')) if (lostWords.test(line)) answer.lost.push(line.trim());
  if (answer.cards.length === 0 && answer.lost.length === 0) return saysNone ? answer : null;
  const words = codeWords[code];
  if (words && answer.warnings.length === 0 && answer.lost.length === 0) answer.warnings.push(words);
  return answer;
}

/** Null where the line is not a row of the table. A name may contain commas: the last four fields are fixed. */
function readCard(line: string, board: string): GpuCard | null {
  const fields = line.split(',').map((field) => field.trim());
  if (fields.length < 5) return null;
  const facts = fields.slice(-4);
  if (!facts.every((field) => value.test(field) || absent.test(field) || inBrackets.test(field))) return null;
  const number = (index: number) => (value.test(facts[index]!) ? Number.parseFloat(facts[index]!) : null);
  const bytesOf = (index: number) => {
    const mib = number(index);
    return mib !== null && mib >= 0 && mib <= mostMiB ? Math.round(mib * MiB) : null;
  };
  const name = fields.slice(0, -4).join(', ');
  const [total = '', used = ''] = facts;
  const isBroken = (field: string) => !value.test(field) && !absent.test(field);
  // A single sensor may fail; a card whose memory cannot be read does not work.
  const broken = [total, used].find(isBroken);
  const sharesMemory = broken === undefined && absent.test(total) && shared.test(`${name} ${board}`);
  const bytes = bytesOf(0) || null;
  return {
    name: inBrackets.test(name) ? 'a GPU' : name,
    sharesMemory,
    memoryBytes: bytes,
    usedBytes: bytesOf(1),
    utilisation: Math.min(1, Math.max(0, (number(2) ?? 0) / 100)),
    temperatureC: plausibleC(number(3)),
    failingSensor: facts.slice(2).find(isBroken) ?? null,
    fault: broken ?? (bytes === null && !sharesMemory ? 'it does not say how much memory it has' : null),
  };
}
