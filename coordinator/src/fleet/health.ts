// The signs of bad health: one table that pages, alerts and placement read. In: a heartbeat, the inventory of the machine, and the signs
// that it had before. Out: its present signs, their words, and the remaining worth of the node for placement. Nothing here acts.
import {
  type Bound,
  type Condition,
  type ConditionCode,
  conditionNames,
  degreesInWords,
  diskFullBytes,
  diskLowBytes,
  gibInWords,
  hotC,
  isBeyond,
  type NodeHealth,
  type NodeInfo,
  overheatedC,
} from '@blackroad/protocol';

type Health = NodeHealth;
type Info = NodeInfo | null;

interface Sign<Code extends ConditionCode = ConditionCode> {
  code: Code;
  severity: 'warning' | 'error';
  /**
   * The node's worth for placement is multiplied by this. Factors rank nodes and measure nothing. 0: nothing new is placed there; 0.5 or
   * less: its agents move where another node is notably better (placement/rules/gain.ts); 1: placement ignores the sign.
   */
  factor: number;
  /** The filter by which placement refuses the node, where the factor is 0. */
  closes?: 'disk' | 'gpu';
  /** A worse sign of the same thing, which replaces this one. */
  unless?: ConditionCode;
  /** The threshold in words, for the documentation. */
  when: string;
  /** `was`: this sign, or the worse one, was seen before. */
  isSeen: (health: Health, was: boolean, info: Info) => boolean;
  /** Details that the sign's name (protocol/conditions.ts) does not contain: mostly figures. */
  detail?: (health: Health) => string;
  /** The remedy, where the text does not name it. */
  help?: string;
}

/** Cards reduce their clock between 87 and 90 °C, so the sign appears just before. */
const gpuHotC: Bound = { from: 88, until: 84 };
/** A 32 GB card endures some tens of terabytes, and small writes cost it several times their size: at this rate it lasts a year or two. */
const sdWearBytesPerDay: Bound = { from: 10e9, until: 8e9 };
/** Wi-Fi loses packets below this signal strength. */
const weakWifiDbm: Bound = { from: -80, until: -77 };
/** Linux swaps or kills programs below this share of free memory. */
const lowMemoryShare: Bound = { from: 0.05, until: 0.08 };

/** The two bounds in words: `80 °C or more, until below 75 °C`. */
const boundWords = ({ from, until }: Bound, words: (value: number) => string) =>
  from > until
    ? `${words(from)} or more, until below ${words(until)}`
    : `less than ${words(from)}, until ${words(until)}`;

const gpuTexts = ({ gpuTroubles = [] }: Health, kind: 'silent' | 'lost' | 'warning') =>
  gpuTroubles.filter((trouble) => trouble.kind === kind).map(({ text }) => text);
const hottestGpuC = ({ gpus = [] }: Health) => Math.max(0, ...gpus.map(({ temperatureC = 0 }) => temperatureC));
const lostText = (health: Health) => `${gpuTexts(health, 'lost').join(', ')}; the machine needs to be started anew`;

const rows = [
  {
    code: 'disk-read-only',
    severity: 'error',
    factor: 0,
    closes: 'disk',
    when: 'the disk refuses writes',
    isSeen: ({ readOnlyDisk }) => readOnlyDisk === true,
    detail: () => 'memories cannot be stored; the SD card may be failing',
  },
  {
    code: 'gpu-silent',
    severity: 'error',
    factor: 0,
    closes: 'gpu',
    when: 'it has cards, and their driver does not answer',
    isSeen: (health) => gpuTexts(health, 'silent').length > 0,
    detail: (health) => `${gpuTexts(health, 'silent')[0]}`,
  },
  {
    // Without cards, models fail, or run on the processor a hundred times slower.
    code: 'gpus-lost',
    severity: 'error',
    factor: 0,
    closes: 'gpu',
    unless: 'gpu-silent',
    when: 'it had cards, and none works',
    isSeen: (health) => gpuTexts(health, 'lost').length > 0 && !health.gpus?.length,
    detail: lostText,
  },
  {
    // A lost card makes the others doubtful: they have the same driver and the same power supply.
    code: 'gpu-lost',
    severity: 'error',
    factor: 0.5,
    unless: 'gpu-silent',
    when: 'a card does not work, and others do',
    isSeen: (health) => gpuTexts(health, 'lost').length > 0 && (health.gpus?.length ?? 0) > 0,
    detail: lostText,
  },
  {
    // At undervoltage the firmware slows the machine down, and the machine may crash.
    code: 'undervoltage',
    severity: 'error',
    factor: 0.5,
    when: 'undervoltage now',
    isSeen: ({ undervoltage }) => undervoltage?.now === true,
    detail: () => 'undervoltage now',
  },
  {
    // Placement treats this like `hot`: where the machine is slower, `throttled` counts as well. For a person it is more urgent.
    code: 'overheated',
    severity: 'error',
    factor: 0.5,
    when: boundWords(overheatedC, degreesInWords),
    isSeen: ({ temperatureC }, was) => temperatureC !== undefined && isBeyond(overheatedC, temperatureC, was),
    detail: ({ temperatureC = 0 }) => `${degreesInWords(temperatureC)}; it needs cooling`,
  },
  {
    // More work raises the temperature of a hot machine further, until it is throttled.
    code: 'hot',
    severity: 'warning',
    factor: 0.5,
    unless: 'overheated',
    when: boundWords(hotC, degreesInWords),
    isSeen: ({ temperatureC }, was) => temperatureC !== undefined && isBeyond(hotC, temperatureC, was),
    detail: ({ temperatureC = 0 }) => `${degreesInWords(temperatureC)}; it needs cooling`,
  },
  {
    // A throttled Pi decodes at about half speed.
    code: 'throttled',
    severity: 'warning',
    factor: 0.5,
    when: 'throttled now',
    isSeen: ({ throttled }) => throttled?.now === true,
    detail: () => 'it runs slower than it could',
  },
  {
    // On a full disk the next memory or the next model may not fit.
    code: 'disk-full',
    severity: 'error',
    factor: 0.5,
    when: `${boundWords(diskFullBytes, gibInWords)} free`,
    isSeen: ({ diskFreeBytes }, was) => isBeyond(diskFullBytes, diskFreeBytes, was),
    detail: ({ diskFreeBytes }) => `${gibInWords(diskFreeBytes)} left`,
  },
  {
    // A hot card is not slower yet: its agents stay, and new ones are placed elsewhere.
    code: 'gpu-hot',
    severity: 'warning',
    factor: 0.6,
    when: `a GPU has ${boundWords(gpuHotC, degreesInWords)}`,
    isSeen: (health, was) => isBeyond(gpuHotC, hottestGpuC(health), was),
    detail: (health) => degreesInWords(hottestGpuC(health)),
  },
  {
    // A low disk slows nothing down, but memories of agents may fill it.
    code: 'disk-low',
    severity: 'warning',
    factor: 0.8,
    unless: 'disk-full',
    when: `${boundWords(diskLowBytes, gibInWords)} free`,
    isSeen: ({ diskFreeBytes }, was) => isBeyond(diskLowBytes, diskFreeBytes, was),
    detail: ({ diskFreeBytes }) => `${gibInWords(diskFreeBytes)} left`,
  },
  {
    // Over weak Wi-Fi answers are late, and the node disconnects more often than others.
    code: 'wifi-weak',
    severity: 'warning',
    factor: 0.8,
    when: boundWords(weakWifiDbm, (dbm) => `${dbm} dBm`),
    isSeen: ({ wifi }, was) => wifi !== undefined && isBeyond(weakWifiDbm, wifi.signalDbm, was),
    detail: ({ wifi }) => `${Math.round(wifi?.signalDbm ?? 0)} dBm`,
  },
  {
    // Undervoltage occurs under load, and occurs again with more load.
    code: 'undervoltage-before',
    severity: 'warning',
    factor: 0.9,
    unless: 'undervoltage',
    when: 'undervoltage since the boot',
    isSeen: ({ undervoltage }) => undervoltage?.sinceBoot === true,
    detail: () => 'undervoltage since the boot',
  },
  {
    code: 'throttled-before',
    severity: 'warning',
    factor: 0.9,
    unless: 'throttled',
    when: 'throttled since the boot',
    isSeen: ({ throttled }) => throttled?.sinceBoot === true,
  },
  {
    // With a wrong clock the triggers of agents fire at a wrong time.
    code: 'clock-unsynced',
    severity: 'warning',
    factor: 0.9,
    when: 'no time server has set the clock since the boot',
    isSeen: ({ clockSynced }) => clockSynced === false,
    detail: () => 'its times for memories and logs are guesses',
  },
  {
    // Placement compares free memory with the need of each agent itself (placement/model/memory-fit.ts).
    code: 'memory-low',
    severity: 'warning',
    factor: 1,
    when: `${boundWords(lowMemoryShare, (share) => `${Math.round(share * 100)} %`)} of the memory free`,
    isSeen: ({ memoryFreeBytes }, was, info) =>
      info !== null && isBeyond(lowMemoryShare, memoryFreeBytes / info.memoryBytes, was),
    detail: ({ memoryFreeBytes }) => `${gibInWords(memoryFreeBytes)} left`,
    help: 'Check which programs there use the memory. A model without agents is unloaded when another agent needs its memory.',
  },
  {
    // Agents write kilobytes a day: fewer agents would not extend the life of the card.
    code: 'sd-wear',
    severity: 'warning',
    factor: 1,
    when: `${boundWords(sdWearBytesPerDay, (bytes) => `${bytes / 1e9} GB`)} written a day`,
    isSeen: ({ sdWrittenBytesPerDay = 0 }, was) => isBeyond(sdWearBytesPerDay, sdWrittenBytesPerDay, was),
    detail: ({ sdWrittenBytesPerDay = 0 }) => `${(sdWrittenBytesPerDay / 1e9).toFixed(1)} GB written a day`,
    help: 'Check which programs there write so much: usually swap and logs. Keep a spare card.',
  },
  {
    // A card with a warning still works.
    code: 'gpu-warning',
    severity: 'warning',
    factor: 1,
    when: 'the driver warns of a card',
    isSeen: (health) => gpuTexts(health, 'warning').length > 0,
    detail: (health) => gpuTexts(health, 'warning').join(', '),
    help: 'The card works. The log of the kernel there has details.',
  },
] as const satisfies readonly Sign[];
export type SignCode = (typeof rows)[number]['code'];
export const signs: readonly Sign<SignCode>[] = rows;
const byCode = new Map(signs.map((sign) => [sign.code, sign]));

/** Returns `before` itself where the signs are equal, so that a heartbeat without news makes no change. */
export function signsOf(health: Health, info: Info, before: readonly SignCode[]): readonly SignCode[] {
  const had = (code: string | undefined) => before.some((each) => each === code);
  const found: SignCode[] = [];
  for (const { code, unless, isSeen } of signs)
    if (!found.some((each) => each === unless) && isSeen(health, had(code) || had(unless), info)) found.push(code);
  return found.length === before.length && found.every((code, i) => code === before[i]) ? before : found;
}

/** The parts of a node that pages, alerts and placement read. */
interface Seen {
  signs: readonly SignCode[];
  health: Health | null;
}
function* seenOn({ signs: codes, health }: Seen): Generator<{ sign: Sign<SignCode>; text: string }> {
  if (!health) return;
  for (const code of codes) {
    const sign = byCode.get(code);
    if (sign) yield { sign, text: textOf(sign.code, sign.detail?.(health)) };
  }
}

export interface NodeCondition extends Condition {
  /** The effect on the node's work, and the remedy. */
  help: string;
}
/** The text of a condition, with its figures after the colon. */
export function textOf(code: ConditionCode, detail?: string): string {
  return detail === undefined ? conditionNames[code] : `${conditionNames[code]}: ${detail}`;
}

/** The conditions of a node, worst first; empty when nothing is wrong, or before its first heartbeat. */
export function conditionsOf(seen: Seen): NodeCondition[] {
  return [...seenOn(seen)]
    .map(({ sign: { code, severity, factor, help }, text }) => ({
      code,
      severity,
      text: factor === 0 ? `${text}; it gets no new agents` : text,
      help: [meaningOf(factor), help].filter(Boolean).join(' '),
    }))
    .sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
}
function meaningOf(factor: number): string | null {
  if (factor === 0) return 'It gets no new agents while this lasts.';
  return factor < 1 ? 'Placement prefers other nodes while this lasts.' : null;
}

const well = { factor: 1, text: '' };
/** A node without a heartbeat probably is well, but ranks below one that is known to be. */
const unheard = { factor: 0.9, text: 'no heartbeat yet' };

/** The remaining worth of a node for placement, 0 to 1, and its reason. */
export function worthOf(seen: Seen): { factor: number; text: string } {
  if (!seen.health) return unheard;
  if (seen.signs.length === 0) return well;
  const lowering = [...seenOn(seen)].filter(({ sign }) => sign.factor < 1);
  return {
    factor: lowering.reduce((left, { sign }) => left * sign.factor, 1),
    text: lowering.map(({ text }) => text).join('; '),
  };
}

/** The reason in a node's health why nothing new may be placed there; null: there is none. */
export function closedByHealth({ signs: codes }: Pick<Seen, 'signs'>): Sign['closes'] | null {
  for (const code of codes) {
    const closes = byCode.get(code)?.closes;
    if (closes) return closes;
  }
  return null;
}
