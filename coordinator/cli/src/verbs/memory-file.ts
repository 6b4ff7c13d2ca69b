// Verbs for the memory of an agent as one file: export, import, and the verification of such a file, which needs no coordinator.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  counted,
  FleetError,
  type MemoryFileFound,
  MemoryFileReader,
  type MemoryImported,
  maxMemoryFileBytes,
  maxMemoryFileFaults,
  maxMemoryFileLineChars,
} from '@blackroad/protocol';
import { linesOf } from '@blackroad/std/lines';
import { placeFor } from '../place-for.ts';
import { argument, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { bytes } from '../words.ts';

interface CheckedFile extends MemoryFileFound {
  valid: boolean;
  faults: { line: number; text: string }[];
  faultyLines: number;
}

/** Recomputes a file. A journal whose rule is not known is not valid: nobody has recomputed it. */
async function checkFile(path: string): Promise<CheckedFile> {
  const reader = new MemoryFileReader();
  const faults: CheckedFile['faults'] = [];
  let faultyLines = 0;
  for await (const { at, text } of linesOf(createReadStream(path), maxMemoryFileLineChars)) {
    const { fault } = reader.read(text);
    if (fault !== null && faultyLines++ < maxMemoryFileFaults) faults.push({ line: at, text: fault });
  }
  const found = reader.end();
  return { ...found, valid: found.fault === null && faultyLines === 0, faults, faultyLines };
}

function faultWords({ fault, faults, faultyLines }: Pick<CheckedFile, 'fault' | 'faults' | 'faultyLines'>): string[] {
  const more = faultyLines - faults.length;
  return [
    ...(fault === null ? [] : [`  ${fault}`]),
    ...faults.map(({ line, text }) => `  line ${line}: ${text}`),
    ...(more > 0 ? [`  and ${counted(more, 'more line')}`] : []),
  ];
}

function checkedWords(file: CheckedFile): string {
  const { format, agent, entries, redacted, headHash, checkpoint, rule } = file;
  if (!file.valid) return ['NOT valid:', ...faultWords(file)].join('\n');
  const erased = redacted > 0 ? `, ${redacted} redacted` : '';
  if (format === 'journal') return `valid: ${counted(entries, 'line')} of a journal, hashed by ${rule}`;
  const signed = checkpoint
    ? `, ${checkpoint.entries} of them under checkpoint ${checkpoint.number}, signed by the key ${checkpoint.key}`
    : ', under no signed checkpoint';
  return `valid: ${counted(entries, 'entry', 'entries')} of ${agent}${erased}${signed}, head ${headHash}`;
}

/** `fleet memory verify --file`. */
export async function verifyFile(call: VerbCall, path: string): Promise<void> {
  const checked = await checkFile(existing(path));
  call.show(checked, () => checkedWords(checked));
  if (!checked.valid) process.exitCode = 1;
}

function existing(path: string): string {
  if (existsSync(path) && statSync(path).isFile()) return path;
  throw wrongUse(`${path}: there is no such file.`);
}

function importedWords(name: string, agent: string, answer: MemoryImported, again: string): string {
  const { document, already, left, isWhole, of } = answer;
  const known = already > 0 ? ` ${counted(already, 'memory', 'memories')} it has already.` : '';
  const brought = document
    ? `${agent} is given ${counted(document.chunks, 'memory', 'memories')} of ${of || 'it'}.`
    : `nothing in it is new to ${agent}.`;
  const rest = left > 0 ? ` ${counted(left, 'memory', 'memories')} are left; when these are written: ${again}` : '';
  const wrong = isWhole ? [] : ['Not all of it verifies:', ...faultWords(answer)];
  return [`${name}: ${brought}${known}${rest}`, ...wrong].join('\n');
}

export const memoryFileVerbs: Verb[] = [
  {
    words: 'memory export',
    args: '<agent>',
    text: 'Saves the whole memory of an agent as one file of JSON Lines, which `memory verify --file` recomputes.',
    flags: { to: { type: 'string', value: '<path>', text: 'Where; <agent>.memory.jsonl in this folder by default.' } },
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const path = placeFor(textFlag(call, 'to') ?? './', `${basename(agent)}.memory.jsonl`);
      await call.client().save('memoryExport', { params: { agent } }, path, call.signal);
      const checked = await checkFile(path);
      const { size } = statSync(path);
      call.show({ path, bytes: size, ...checked }, () => `${path}: ${bytes(size)}; ${checkedWords(checked)}`);
      if (!checked.valid) process.exitCode = 1;
    },
  },
  {
    words: 'memory import',
    args: '<agent> <file>',
    text: 'Gives an agent the memories of such a file, or of a JSONL journal; each comes once, however often it is imported.',
    completes: 'agents',
    async run(call) {
      const [agent, path] = [argument(call, 0, '<agent>'), existing(argument(call, 1, '<file>'))];
      const { size } = statSync(path);
      if (size > maxMemoryFileBytes)
        throw wrongUse(`${path}: expected at most ${bytes(maxMemoryFileBytes)}, got ${bytes(size)}.`);
      if (size === 0) throw new FleetError('document-refused', { detail: `${path}: it is empty.` });
      const name = basename(path);
      const file = { name, bytes: size, fields: {}, content: () => createReadStream(path) };
      const answer: MemoryImported = await call.client().upload('memoryImport', file, { params: { agent } });
      const again = call.as.fleet(`memory import ${agent} ${path}`);
      const how = answer.document ? `\nHow far it is: ${call.as.fleet(`memory documents ${agent}`)}` : '';
      call.show(answer, () => `${importedWords(name, agent, answer, again)}${how}`);
    },
  },
];
