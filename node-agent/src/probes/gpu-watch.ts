// The graphics cards of this machine and their state: the last answer of nvidia-smi, compared with the known cards. A known card that is no
// longer listed is lost, not removed; while nvidia-smi does not answer, the cards keep their state. Known cards are stored in the state
// folder, so that they are known to a node-agent that starts before its driver, or after the driver broke.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeHealth } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Files } from './files.ts';
import { type GpuAnswer, type GpuCard, nvidiaSmi, readNvidiaSmi } from './gpu.ts';
import { type ProgramState, watchProgram } from './programs.ts';

export interface KnownCard {
  name: string;
  /** Null: not known yet, or shared with the machine. */
  memoryBytes: number | null;
  sharesMemory: boolean;
  isLost: boolean;
}
interface Gpus {
  /** Working cards first, in the order of `readings`. */
  readonly cards: readonly KnownCard[];
  /** The last readings of working cards; empty before the first answer. */
  readonly readings: readonly GpuCard[];
  readonly troubles: NonNullable<NodeHealth['gpuTroubles']>;
  readonly isSilent: boolean;
  readonly first: Promise<void>;
  close(): void;
}

const maxCards = 32;
const maxTroubles = 33;
const fileName = 'gpus.json';
interface StoredCards {
  /** The kernel's boot id: no card is removed within one boot. */
  boot: string;
  cards: KnownCard[];
}

export function watchGpus(deps: { files: Files; stateDir: string; board: string; clock: Clock; log: Log }): Gpus {
  const { files, stateDir, board } = deps;
  const boot = files.text('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  const path = join(stateDir, fileName);
  let known = readStored(path);
  let answer: GpuAnswer | null = null;
  let silence: string | null = null;
  let isFirst = true;

  const learn = (cards: KnownCard[]) => {
    const next: StoredCards = { boot, cards: cards.slice(0, maxCards) };
    if (JSON.stringify(next) === JSON.stringify(known)) return;
    known = next;
    try {
      writeFileSync(path, `${JSON.stringify(next)}\n`, { mode: 0o600 });
    } catch {
      // The folder refuses writes: the cards are known only while this process runs.
    }
  };
  const onTried = (now: ProgramState<GpuAnswer>) => {
    silence = now.state === 'silent' ? now.why : null;
    // Without the program the machine has no card that it could report on.
    if (now.state === 'absent') known = { boot, cards: [] };
    if (now.state !== 'answered') return;
    answer = now.answer;
    // A new container may have fewer cards than the one before; for one without any, nvidia-smi is absent.
    const isOfferAnew = isFirst && isContainer(files) && now.answer.cards.length > 0;
    isFirst = false;
    learn(merge(known.boot === boot && !isOfferAnew ? known.cards : [], now.answer, known.cards));
  };
  const program = watchProgram<GpuAnswer>({
    ...deps,
    ...nvidiaSmi,
    read: (printed) => readNvidiaSmi(printed, board),
    onTried,
  });

  return {
    get cards() {
      return known.cards;
    },
    get readings() {
      return silence === null ? working(answer) : [];
    },
    get troubles() {
      const told = silence === null ? troublesOf(known.cards, answer) : silentTroubles(known.cards, silence, files);
      return told.slice(0, maxTroubles).map(({ kind, text }) => ({ kind, text: text.slice(0, 300) }));
    },
    get isSilent() {
      return silence !== null;
    },
    first: program.first,
    close: program.close,
  };
}

function working(answer: GpuAnswer | null): GpuCard[] {
  return (answer?.cards ?? []).filter(({ fault }) => fault === null).slice(0, maxCards);
}

/** Stands for a card that nvidia-smi mentions and does not list. */
const nameless: KnownCard = { name: 'a GPU', memoryBytes: null, sharesMemory: false, isLost: true };

/** The cards of an answer, and the missing ones of this boot. `before`: known cards of any boot, for memory that a card does not give. */
function merge(ofThisBoot: readonly KnownCard[], answer: GpuAnswer, before: readonly KnownCard[]): KnownCard[] {
  const left = ofThisBoot.filter(({ name }) => name !== nameless.name);
  const cards = answer.cards.map((card): KnownCard => {
    const at = left.findIndex(({ name, isLost }) => name === card.name && isLost === (card.fault !== null));
    const match = at >= 0 ? at : left.findIndex(({ name }) => name === card.name);
    const [same] = match >= 0 ? left.splice(match, 1) : before.filter(({ name }) => name === card.name);
    return {
      name: card.name,
      memoryBytes: card.memoryBytes ?? (card.fault === null ? null : (same?.memoryBytes ?? null)),
      sharesMemory: card.sharesMemory || (card.fault !== null && same?.sharesMemory === true),
      isLost: card.fault !== null,
    };
  });
  const missing = left.map((card) => ({ ...card, isLost: true }));
  // A line about a lost card without its name is about a missing card, where one is known.
  const unnamed = Math.max(0, answer.lost.length - missing.length);
  const all = [...cards, ...missing, ...Array.from({ length: unnamed }, () => nameless)];
  return all.toSorted((a, b) => Number(a.isLost) - Number(b.isLost));
}

function troublesOf(cards: readonly KnownCard[], answer: GpuAnswer | null): Gpus['troubles'] {
  const faults = (answer?.cards ?? []).filter(({ fault }) => fault !== null);
  const lost = cards
    .filter(({ isLost }) => isLost)
    .map(({ name }) => {
      const at = faults.findIndex((card) => card.name === name);
      const [fault] = at >= 0 ? faults.splice(at, 1) : [];
      return { kind: 'lost' as const, text: fault ? `${name}: ${fault.fault?.replace(/^\[|\]$/g, '')}` : name };
    });
  return [...lost, ...(answer?.warnings ?? []).map((text) => ({ kind: 'warning' as const, text }))];
}

/** A machine without such a card may have the program: then it is no trouble that it does not answer. */
function silentTroubles(cards: readonly KnownCard[], why: string, files: Files): Gpus['troubles'] {
  if (cards.length > 0) return [{ kind: 'silent', text: why }];
  return hasNvidiaDevice(files) ? [{ kind: 'warning', text: `nvidia-smi does not answer: ${why}` }] : [];
}

function isContainer(files: Files): boolean {
  return files.exists('/.dockerenv') || files.exists('/run/.containerenv');
}

/** A display controller (class 03) of NVIDIA on the PCI bus. */
function hasNvidiaDevice(files: Files): boolean {
  const folder = '/sys/bus/pci/devices';
  return files
    .list(folder)
    .some(
      (name) =>
        files.text(`${folder}/${name}/vendor`)?.trim() === '0x10de' &&
        /^0x03/.test(files.text(`${folder}/${name}/class`) ?? ''),
    );
}

function readStored(path: string): StoredCards {
  try {
    const { boot, cards } = JSON.parse(readFileSync(path, 'utf8')) as StoredCards;
    if (typeof boot === 'string' && Array.isArray(cards) && cards.every(isCard)) return { boot, cards };
  } catch {
    // The first start, or a damaged file: nvidia-smi will list the cards.
  }
  return { boot: '', cards: [] };
}
function isCard(card: KnownCard | null): boolean {
  return (
    typeof card?.name === 'string' &&
    (card.memoryBytes === null || Number.isSafeInteger(card.memoryBytes)) &&
    typeof card.sharesMemory === 'boolean' &&
    typeof card.isLost === 'boolean'
  );
}
