// Rows for the conformance suite: whole, valid and plainly made. Memory logs carry real hashes and commitments.
import {
  AgentSpec,
  commitPayload,
  hashHeader,
  type MemoryEntry,
  type MemoryPayload,
  withDefaults,
} from '@blackroad/protocol';
import type { AgentRow, EndedTask, JoinTokenRow, KeyRow, NodeRow, TaskRow } from '../../view.ts';

export const t0 = 1_780_000_000_000;

export function nodeRow(id: string, over: Partial<NodeRow> = {}): NodeRow {
  return {
    id,
    class: 'pi',
    site: 'home',
    labels: { room: 'kitchen' },
    status: 'active',
    quarantineReason: '',
    hardware: id.padEnd(64, '0'),
    keyFingerprint: id.padEnd(64, '1'),
    certificateExpiresMs: t0 + 1e9,
    enrolledMs: t0,
    simulated: false,
    cordoned: false,
    draining: false,
    generation: 3,
    presence: 'online',
    presenceSinceMs: t0,
    presenceReason: '',
    boot: `boot-${id}`,
    info: {
      boot: `boot-${id}`,
      class: 'pi',
      hostname: id,
      board: 'Raspberry Pi 5 Model B Rev 1.0',
      os: 'Debian 13',
      arch: 'arm64',
      cores: 4,
      memoryBytes: 8 * 2 ** 30,
      gpus: [],
      runtimes: ['ollama'],
      notes: ['the power supply is "too weak"'],
      simulated: false,
    },
    ...over,
  };
}

export function agentSpec(name: string, instructions = 'Be brief.'): AgentSpec {
  return withDefaults<AgentSpec>(AgentSpec, { name, model: ['auto'], instructions });
}
export function agentRow(name: string, over: Partial<AgentRow> = {}): AgentRow {
  return {
    name,
    spec: agentSpec(name),
    version: 1,
    epoch: 1,
    placement: { node: 'alice', epoch: 1, model: 'm', placedMs: t0, baseSeq: 0, baseHash: 'genesis', from: null },
    why: null,
    unplaced: null,
    createdMs: t0,
    updatedMs: t0,
    ...over,
  };
}
export function tokenRow(id: string, over: Partial<JoinTokenRow> = {}): JoinTokenRow {
  return {
    id,
    secretHash: 'a'.repeat(64),
    uses: 5,
    usesLeft: 5,
    class: null,
    site: 'home',
    labels: {},
    expiresMs: t0 + 3_600_000,
    createdMs: t0,
    revoked: false,
    ...over,
  };
}
export function keyRow(id: string, over: Partial<KeyRow> = {}): KeyRow {
  return { id, name: id, role: 'viewer', secretHash: 'b'.repeat(64), createdMs: t0, revoked: false, ...over };
}

/** Ids sort by `n`, as real ones sort by time. */
export const taskId = (n: number) => `t${String(n).padStart(8, '0')}`;
export function taskRow(n: number, over: Partial<TaskRow> = {}): TaskRow {
  return {
    id: taskId(n),
    agent: 'greeter',
    state: 'queued',
    prompt: `Prompt ${n} with "quotes", ümlauts and 🦊`,
    priority: 50,
    origin: 'api',
    createdMs: t0 + n,
    deadlineMs: t0 + n + 600_000,
    attempt: 0,
    attempts: 3,
    node: null,
    epoch: null,
    leasedMs: null,
    idempotencyKey: null,
    notBeforeMs: 0,
    ...over,
  };
}
export function endedTask(row: TaskRow, over: Partial<EndedTask> = {}): EndedTask {
  return {
    ...row,
    state: 'done',
    attempt: 1,
    node: 'alice',
    epoch: 1,
    leasedMs: row.createdMs + 5,
    endedMs: row.createdMs + 10,
    result: 'Done: "ok"\n',
    truncated: false,
    problem: null,
    usage: {
      model: 'm',
      promptTokens: 10,
      completionTokens: 4,
      recalled: 1,
      toolCalls: 0,
      firstTokenMs: 12.5,
      totalMs: 80.25,
    },
    ...over,
  };
}

/** A log of valid entries, continuing `previous` where given. */
export function memoryEntries(
  agent: string,
  payloads: readonly (Partial<MemoryPayload> | null)[],
  { previous, epoch = 1 }: { previous?: MemoryEntry | undefined; epoch?: number } = {},
): MemoryEntry[] {
  const out: MemoryEntry[] = [];
  let last = previous;
  for (const given of payloads) {
    const seq = (last?.seq ?? 0) + 1;
    const salt = seq.toString(16).padStart(32, '0');
    const payload: MemoryPayload = {
      text: '',
      tags: [],
      importance: 0.5,
      source: 'task:t1',
      derivedFrom: [],
      embedding: null,
      ...given,
    };
    const header = {
      agentId: agent,
      epoch,
      seq,
      actorId: `agent:${agent}`,
      kind: seq === 1 ? 'genesis' : 'turn',
      createdAt: t0 + seq + 0.5,
      payloadCommitment: commitPayload(salt, payload),
      previousHash: last?.hash ?? 'genesis',
    } as const;
    const hash = hashHeader(header);
    // null: the content was erased, the header stays.
    last = given === null ? { ...header, hash, salt: null, payload: null } : { ...header, hash, salt, payload };
    out.push(last);
  }
  return out;
}

export async function refused(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  try {
    await work;
  } catch (error) {
    return { code: (error as { code?: string }).code ?? '', text: (error as Error).message };
  }
  return { code: '', text: 'it was accepted' };
}
