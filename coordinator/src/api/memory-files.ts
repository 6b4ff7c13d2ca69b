// The memory of an agent as one file, over HTTP: exported whole, and imported as orders that its node writes.

import { Readable } from 'node:stream';
import {
  FleetError,
  type MemoryFileHead,
  type MemoryImported,
  maxImportedPerAgent,
  maxMemoryFileBytes,
} from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import type { ApiContext } from '../http/context.ts';
import { accepted, answered, type Call, type Handlers, shown } from '../http/handler.ts';
import { documentsOf } from '../memory/given.ts';
import { agentNameOf } from '../state/view.ts';
import type { StoredHash } from '../store/store.ts';
import { agentOr404 } from './agents.ts';
import { showDocument } from './documents.ts';
import { memoryOr404 } from './memory.ts';
import { refuseTooMany } from './memory-quota.ts';
import { hold, letGo, takeFile } from './taken-file.ts';

/** Each reads a whole log. */
const maxExports = 4;
let exporting = 0;
/** A client that takes nothing for so long is gone. */
const stuckMs = 60_000;
/** Agents for which a file is being read: two that are read at the same time would not know of each other. */
const importing = new Set<string>();
const maxImports = 2;
const busy = (detail: string) => new FleetError('unavailable', { detail, retryAfterSeconds: 5 });

async function sendExport({ context, params, by, reply }: Call<'memoryExport'>) {
  const agent = memoryOr404(context, by, params.agent);
  if (exporting >= maxExports) throw busy('Other memories are being exported; try again.');
  exporting++;
  let isOpen = true;
  const close = () => {
    if (isOpen) exporting--;
    isOpen = false;
  };
  try {
    const { coordinator, checkpoints, memoryFiles, clock } = context;
    const anchor = await checkpoints.anchorOf(agent);
    const head = coordinator.view.heads.get(agent) ?? { seq: 0, hash: 'genesis' };
    const file: MemoryFileHead = {
      ...{ format: 'blackroad-memory-export/1', agent, name: agentNameOf(coordinator.view, agent) },
      ...{ writtenMs: clock.nowMs(), entries: head.seq, head: head.hash, anchor },
    };
    accepted(await coordinator.submit('memory-export', { by, agent, entries: head.seq }));
    reply.raw.setTimeout(stuckMs, () => reply.raw.destroy());
    reply.raw.once('close', close);
    reply.header('content-disposition', `attachment; filename="${file.name}.memory.jsonl"`);
    const pieces = Readable.from(memoryFiles.write(file), { objectMode: false });
    reply.type('application/x-ndjson').send(pieces);
    return answered;
  } catch (error) {
    close();
    throw error;
  }
}

async function* ownHashes({ coordinator: { store, view } }: ApiContext, agent: string) {
  const last = view.heads.get(agent)?.seq ?? 0;
  for (let upto = 0; upto < last; upto += 1_000) {
    const page: readonly StoredHash[] = await store.memoryHashes(agent, upto + 1, Math.min(last, upto + 1_000));
    yield page;
  }
}

/** What earlier imports brought; one that is taken back does not count. */
async function importedBefore({ coordinator: { view }, giving }: ApiContext, agent: string): Promise<Set<string>> {
  const known = new Set<string>();
  for (const { origins, removing } of documentsOf(view, agent)) {
    if (origins === undefined || removing) continue;
    for (const origin of (await giving.objects.readWhole(origins)).toString().split('\n')) known.add(origin);
    if (known.size > maxImportedPerAgent)
      throw new FleetError('fleet-full', {
        detail: `${agentNameOf(view, agent)} has imported ${known.size} memories, the most of one agent: take an import back first.`,
      });
  }
  return known;
}

async function importFile(call: Call<'memoryImport'>, agent: string): Promise<MemoryImported> {
  const { context, by } = call;
  const { coordinator, giving, clock, random } = context;
  const file = await takeFile(call, maxMemoryFileBytes, 'a memory that was exported, or a JSONL journal');
  const mine = [file.sha256];
  hold(file.sha256, 1);
  try {
    const id = sortableId(clock.nowMs(), random);
    const known = await importedBefore(context, agent);
    const { found, parts, origins, ...read } = await giving.objects.withFile(file.sha256, (path) =>
      context.memoryFiles.read({ path, id, known, own: ownHashes(context, agent) }),
    );
    const { format, agent: of, entries, rule, fault } = found;
    if (format === null)
      throw new FleetError('document-refused', {
        detail: `${file.name}: expected a memory that was exported, or a JSONL journal: line ${read.faults[0]?.line ?? 1}: ${read.faults[0]?.text ?? fault}`,
      });
    const isWhole = fault === null && read.faultyLines === 0;
    const answer = { format, of, entries, rule, fault, isWhole, ...read, document: null };
    if (parts.length === 0) return answer;
    await refuseTooMany(context, agent, parts.length);
    const kept = await giving.objects.put(parts.map((part) => JSON.stringify(part)).join('\n'));
    const brought = await giving.objects.put(origins.join('\n'));
    mine.push(kept.sha256, brought.sha256);
    const row = {
      ...{ id, agent, ...file, type: 'memories' as const, pages: null, emptyPages: 0 },
      ...{ chunks: parts.length, parts: kept.sha256, origins: brought.sha256 },
      ...(parts.some(({ key }) => key !== undefined) ? { values: true as const } : {}),
    };
    accepted(await coordinator.submit('document-add', { by, row }));
    const { view } = coordinator;
    return { ...answer, document: showDocument(view, shown(view.documents.get(id) ?? null), giving.objects) };
  } finally {
    hold(file.sha256, -1);
    await letGo(context, mine);
  }
}

export const memoryFileHandlers = {
  memoryExport: sendExport,
  async memoryImport(call) {
    const agent = agentOr404(call.context, call.by, call.params.agent);
    if (importing.has(agent)) throw busy(`Another file for ${call.params.agent} is being read; try again.`);
    if (importing.size >= maxImports) throw busy('Other files of memories are being read; try again.');
    importing.add(agent);
    try {
      return await importFile(call, agent);
    } finally {
      importing.delete(agent);
    }
  },
} satisfies Partial<Handlers>;
