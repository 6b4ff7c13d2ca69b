// The memory of an agent as one file of JSON Lines: a head, then every entry of its log with its content. Whoever has the file recomputes it
// without a coordinator. A JSONL journal of another system, with a hash chain of its own, is read too: what can be recomputed of it is. In: the
// lines, one after the other. Out: the memories that a line has, what is wrong with it, and whether all of it is whole. Pure.
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { AnchoredLog, entryLeaf, isSigned, logLeaf, SignedCheckpoint } from './checkpoint.ts';
import { type Checker, interpretingChecker, nestsDeeper } from './codec.ts';
import { cutToBytes } from './cut.ts';
import { explain } from './faults.ts';
import { AgentId, Hash, Seq, TimeMs } from './ids.ts';
import { maxMemoryTextBytes } from './limits.ts';
import { entryFault, MemoryEntry } from './memory.ts';
import { aboutTheLog, type ChainEnd, linkFault } from './memory-chain.ts';
import type { ImportedFrom } from './memory-given.ts';
import { keySet, shownText } from './memory-key.ts';
import { ProofPath, rootBy, rootOf, withLeaf } from './merkle.ts';
import { type Static, Type } from './typebox.ts';

const memoryFileFormat = 'blackroad-memory-export/1';
/** One line: an entry has at most 96 KiB, a line of a journal may have more. */
export const maxMemoryFileLineChars = 512 * 1024;

export const MemoryFileHead = Type.Object({
  format: Type.Literal(memoryFileFormat),
  agent: AgentId,
  name: Type.String({ maxLength: 80, description: 'The name of the agent.' }),
  writtenMs: TimeMs,
  entries: Seq,
  head: Hash,
  anchor: Type.Nullable(
    Type.Object(
      { log: AnchoredLog, path: ProofPath, checkpoint: SignedCheckpoint },
      {
        description: 'How the newest signed checkpoint has this log.',
      },
    ),
  ),
});
export type MemoryFileHead = Static<typeof MemoryFileHead>;

/** A line of a journal: the JournalEntry of PS-SHA∞ scripts. */
const JournalLine = Type.Object({
  actorId: Type.String(),
  actionType: Type.String(),
  timestamp: Type.Union([Type.String(), Type.Number()]),
  payload: Type.Unknown(),
  previousHash: Type.Optional(Type.Nullable(Type.String())),
  hash: Type.String(),
});
type JournalLine = Static<typeof JournalLine>;

/** A memory that a line has, to be given to an agent. */
interface FileMemory {
  /** The same for the same memory in whatever file, also when it was imported before it was exported. */
  origin: string;
  derivedFrom: string[];
  text: string;
  key?: string;
  tags: string[];
  importance: number;
  imported: Omit<ImportedFrom, 'id'>;
}
interface ReadLine {
  memory: FileMemory | null;
  /** What is wrong with it, in words. */
  fault: string | null;
}
/** What is in a file, once all of its lines were read. */
export interface MemoryFileFound {
  format: 'export' | 'journal' | null;
  agent: string;
  /** Entries of the log, or lines of the journal. */
  entries: number;
  redacted: number;
  headHash: string;
  /** The signed checkpoint that the file shows, and how many of its entries are under it. */
  checkpoint: { number: number; entries: number; key: string } | null;
  /** What the hashes of a journal are made over; null: no rule that is known here, so that only the links were compared. */
  rule: string | null;
  /** What is wrong with the whole. */
  fault: string | null;
}

const maxDepth = 64;
const nothing: ReadLine = { memory: null, fault: null };
const asFault = (fault: string): ReadLine => ({ memory: null, fault });

interface LineReader {
  read(value: unknown): ReadLine;
  end(): Omit<MemoryFileFound, 'format'>;
}

export class MemoryFileReader {
  readonly #check: Checker;
  #reader: LineReader | null = null;
  #format: MemoryFileFound['format'] = null;

  constructor(check: Checker = interpretingChecker) {
    this.#check = check;
  }

  /** The next line that is not empty. */
  read(text: string): ReadLine {
    if (text.length > maxMemoryFileLineChars)
      return asFault(`expected at most ${maxMemoryFileLineChars} characters, got more`);
    if (nestsDeeper(Buffer.from(text), maxDepth))
      return asFault(`it has more than ${maxDepth} arrays and objects inside each other`);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return asFault('it is not JSON');
    }
    if (this.#reader) return this.#reader.read(value);
    if (typeof value === 'object' && value !== null && 'format' in value) {
      const why = explain(MemoryFileHead, value);
      if (why !== '') return asFault(`it is not the head of such a file: ${why}`);
      this.#format = 'export';
      this.#reader = exportReader(value as MemoryFileHead, this.#check);
      return nothing;
    }
    this.#format = 'journal';
    this.#reader = journalReader(this.#check);
    return this.#reader.read(value);
  }

  end(): MemoryFileFound {
    const empty = { agent: '', entries: 0, redacted: 0, headHash: 'genesis', checkpoint: null, rule: null };
    const found = this.#reader?.end() ?? { ...empty, fault: 'there is nothing in it that is a memory' };
    return { format: this.#format, ...found };
  }
}

/** What a consolidation found of the memories is not taken along: the next one finds it anew. */
const bare = new Set([...aboutTheLog, 'summary']);

function exportReader(head: MemoryFileHead, check: Checker): LineReader {
  const { agent, anchor } = head;
  let end: ChainEnd = { agent, seq: 0, hash: 'genesis', epoch: 0 };
  let peaks: string[] = [];
  let redacted = 0;
  return {
    read(value) {
      if (!check(MemoryEntry, value)) return asFault(`it is no entry: ${explain(MemoryEntry, value)}`);
      const entry = value as MemoryEntry;
      const fault = linkFault(entry, end);
      const { seq, hash, epoch } = entry;
      if (anchor && seq === end.seq + 1 && end.seq < anchor.log.entries)
        peaks = withLeaf(peaks, end.seq, entryLeaf(hash));
      end = { agent, seq, hash, epoch };
      if (entry.payload === null) redacted++;
      const isSound = entry.agentId === agent && entryFault(entry) === null;
      const says = fault === null ? null : `entry ${seq}: ${fault}`;
      return { memory: isSound ? memoryOf(entry, head.name) : null, fault: says };
    },
    end() {
      const { seq: entries, hash: headHash } = end;
      const checkpoint = anchor && {
        number: anchor.checkpoint.number,
        entries: anchor.log.entries,
        key: anchor.checkpoint.key,
      };
      const fault = headFault(head, end) ?? anchorFault(anchor, end, peaks);
      return { agent: head.name, entries, redacted, headHash, checkpoint, rule: null, fault };
    },
  };
}
function headFault({ entries, head }: MemoryFileHead, end: ChainEnd): string | null {
  if (end.seq !== entries) return `it ends at entry ${end.seq}, its head says ${entries}`;
  return end.hash === head ? null : `its last entry has the hash ${end.hash}, its head says ${head}`;
}
function anchorFault(anchor: MemoryFileHead['anchor'], { agent }: ChainEnd, peaks: readonly string[]): string | null {
  if (anchor === null) return null;
  const { log, path, checkpoint } = anchor;
  if (log.agent !== agent) return `the signed checkpoint is about ${log.agent}`;
  if (rootOf(peaks) !== log.root) return `the first ${log.entries} entries do not have the root that was signed`;
  if (rootBy(logLeaf(log), path) !== checkpoint.root) return 'the log is not under the root of the signed checkpoint';
  return isSigned(checkpoint) ? null : `the signature of checkpoint ${checkpoint.number} is not that of its key`;
}

function memoryOf(entry: MemoryEntry, name: string): FileMemory | null {
  const { kind, hash, actorId, createdAt, payload } = entry;
  // Of a value every edit is brought in, in its order, and that it ended, too: the last one holds there, as it did here.
  const key = keySet(entry);
  if (payload === null || bare.has(kind) || (key === null && payload.text.trim() === '')) return null;
  const { tags, importance, source, derivedFrom, imported } = payload;
  // What was brought in from elsewhere is that memory, and not another one.
  const origin = kind === 'merge' || kind === 'import' ? (derivedFrom[0] ?? hash) : hash;
  const from = imported
    ? { ...imported, id: undefined }
    : { agent: name, kind, actorId, atMs: createdAt, source, isVerified: true };
  const { id: _, ...rest } = from as ImportedFrom;
  const said = key === null ? { text: shownText(entry) } : { text: payload.text, key };
  return {
    ...{ origin, derivedFrom: [origin], ...said },
    ...{ tags: tags.filter((tag) => tag !== ''), importance, imported: rest },
  };
}

/** What the scripts that write journals hash, by the name that is shown. */
const journalRules: Record<string, (line: JournalLine) => string> = {
  'canonical JSON without the hash': ({ hash: _, ...rest }) => canonicalJson(rest),
  'the line as it stands, without the hash': ({ hash: _, ...rest }) => JSON.stringify(rest),
  'sorted JSON with spaces, without the hash': ({ hash: _, ...rest }) => spacedJson(rest),
  'previousHash, actorId, actionType, timestamp, payload': (line) =>
    `${line.previousHash ?? ''}${line.actorId}${line.actionType}${line.timestamp}${textOf(line.payload)}`,
  'actorId, actionType, timestamp, payload, previousHash': (line) =>
    `${line.actorId}${line.actionType}${line.timestamp}${textOf(line.payload)}${line.previousHash ?? ''}`,
};
const digests = { 'SHA-256': 'sha256', 'SHA3-256': 'sha3-256' } as const;
const textOf = (payload: unknown) => (typeof payload === 'string' ? payload : JSON.stringify(payload));
const digestOf = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
/** As Python's json.dumps writes it with sorted keys. */
function spacedJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(', ')}]`;
  const object = value as Record<string, unknown>;
  const fields = Object.keys(object).sort();
  return `{${fields.map((key) => `${JSON.stringify(key)}: ${spacedJson(object[key])}`).join(', ')}}`;
}

interface JournalRule {
  name: string;
  fits(line: JournalLine): boolean;
}
const allRules: readonly JournalRule[] = Object.entries(digests).flatMap(([shown, algorithm]) =>
  Object.entries(journalRules).map(([form, over]) => ({
    name: `${shown} over ${form}`,
    fits: (line: JournalLine) => digestOf(algorithm, over(line)) === line.hash,
  })),
);
/** Lines that are compared with all rules; a journal whose first lines follow none of them is of another one. */
const linesForRule = 20;

function journalReader(check: Checker): LineReader {
  let rule: JournalRule | null = null;
  let lines = 0;
  let last: string | null = null;
  let actor = '';
  let before = 0;
  return {
    read(value) {
      lines++;
      if (!check(JournalLine, value)) return asFault(`it is no line of a journal: ${explain(JournalLine, value)}`);
      const line = value as JournalLine;
      actor ||= line.actorId;
      if (rule === null && lines <= linesForRule) {
        rule = allRules.find(({ fits }) => fits(line)) ?? null;
        if (rule !== null) before = lines - 1;
      }
      const isVerified = rule?.fits(line) === true;
      const linked = last === null || line.previousHash === last;
      const faults = [
        ...(linked ? [] : [`it follows ${short(line.previousHash)}, the line before has ${short(last)}`]),
        ...(rule === null || isVerified ? [] : ['its hash is not that of its content']),
      ];
      last = line.hash;
      const memory = journalMemory(line, isVerified);
      if (memory && Buffer.byteLength(contentOf(line.payload)) > maxMemoryTextBytes)
        faults.push(`its text is longer than ${maxMemoryTextBytes} bytes: the rest is left out`);
      return { memory, fault: faults.length === 0 ? null : faults.join('; ') };
    },
    end() {
      const fault =
        rule === null
          ? 'its hashes follow no rule that is known here: only its links were compared'
          : before > 0
            ? `the hashes of its first ${before} lines are not those of their content`
            : null;
      const shown = { agent: actor, entries: lines, redacted: 0, headHash: last ?? 'genesis', checkpoint: null };
      return { ...shown, rule: rule?.name ?? null, fault };
    },
  };
}
const short = (hash: string | null | undefined) => (hash ? hash.slice(0, 16) : 'nothing');

/** A payload is a text, or an object that has one under a usual name; another one is kept as JSON. */
function contentOf(payload: unknown): string {
  if (typeof payload === 'string') return payload;
  if (typeof payload === 'object' && payload !== null && !Array.isArray(payload)) {
    const { text, content, message } = payload as Record<string, unknown>;
    const said = [text, content, message].find((each) => typeof each === 'string');
    if (typeof said === 'string') return said;
  }
  return payload === undefined || payload === null ? '' : canonicalJson(payload);
}
const journalImportance = 0.5;
function journalMemory(line: JournalLine, isVerified: boolean): FileMemory | null {
  const text = cutToBytes(contentOf(line.payload), maxMemoryTextBytes);
  if (text.trim() === '') return null;
  const isHash = /^[0-9a-f]{64}$/.test(line.hash);
  return {
    // By its content: two lines of a journal may claim one hash.
    origin: digestOf('sha256', canonicalJson(line)),
    derivedFrom: isVerified && isHash ? [line.hash] : [],
    ...{ text, tags: [], importance: journalImportance },
    imported: {
      agent: cutToBytes(line.actorId, 80),
      kind: cutToBytes(line.actionType, 40),
      actorId: cutToBytes(line.actorId, 80),
      atMs: timeOf(line.timestamp),
      isVerified,
    },
  };
}
/** Milliseconds; a number of before the year 2286 in seconds is one of seconds. */
function timeOf(timestamp: string | number): number | null {
  const ms = typeof timestamp === 'number' ? (timestamp < 1e10 ? timestamp * 1_000 : timestamp) : Date.parse(timestamp);
  return Number.isFinite(ms) && ms >= 0 && ms <= 8.64e15 ? Math.round(ms) : null;
}
