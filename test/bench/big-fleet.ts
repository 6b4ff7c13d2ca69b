// A coordinator in this process with a large fleet that it takes for real: ten thousand nodes and thirty thousand agents written to a
// SQLite file, loaded, and every node heard of again. The bus records what is told; a clock that can jump brings about what takes time.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentSpec, defaultSpace, interpretingChecker, type NodeModel } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import type { Bus, BusMessage } from '../../coordinator/src/bus/bus.ts';
import { readConfig } from '../../coordinator/src/config.ts';
import { policyOf } from '../../coordinator/src/policy.ts';
import { type Coordinator, startCoordinator } from '../../coordinator/src/road/coordinator.ts';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import type { AgentRow } from '../../coordinator/src/state/rows.ts';
import { openWorkerStore } from '../../coordinator/src/store/worker/worker-store.ts';
import { claimed } from '../fixtures/coordinator/claimed-store.ts';
import { sampleNode, sampleSpec } from '../fixtures/coordinator/sample-rows.ts';
import { GiB, modelOf } from '../fixtures/coordinator/sample-supply.ts';
import { type LongestTurn, threadCpuMs, watchTurns } from './turns.ts';

export interface BigFleet {
  coordinator: Coordinator;
  /** When the last tick began, and what this thread had computed by then. */
  tickedAt(): number;
  tickedCpuMs(): number;
  onPublish: (messages: readonly BusMessage[]) => void;
  skip(ms: number): void;
  /** The longest turn of the event loop since the last call. */
  longestTurn(): LongestTurn;
  close(): Promise<void>;
}

export const nodeId = (i: number) => `node-${String(i).padStart(5, '0')}`;
export const agentName = (i: number) => `agent-${String(i).padStart(5, '0')}`;

/** A GPU server in 25, a box with a GPU in five, Pis; 20 sites. */
function hardware(i: number): {
  class: string;
  memoryTotalBytes: number;
  memoryFreeBytes: number;
  models: NodeModel[];
} {
  const small = (slots = 1) => modelOf('small', { aliases: ['tiny'], slots, resident: true, residentBytes: 1.2 * GiB });
  const big = (slots: number) => modelOf('big', { sizeBytes: 5 * GiB, parametersB: 8, slots });
  if (i % 25 === 0)
    return { class: 'gpu', memoryTotalBytes: 80 * GiB, memoryFreeBytes: 70 * GiB, models: [big(64), small(16)] };
  if (i % 5 === 0)
    return { class: 'edge-gpu', memoryTotalBytes: 20 * GiB, memoryFreeBytes: 16 * GiB, models: [big(4), small(4)] };
  return { class: 'pi', memoryTotalBytes: 5 * GiB, memoryFreeBytes: 3 * GiB, models: [small()] };
}
export function bigSpec(i: number): AgentSpec {
  return sampleSpec(agentName(i), {
    model: i % 30 === 0 ? ['big', 'small'] : ['small'],
    priority: i % 5 === 0 ? 70 : 50,
    limits: {
      maxTokens: 512,
      contextTokens: i % 2 === 0 ? 2048 : 4096,
      toolRounds: 6,
      deadlineSeconds: 600,
      attempts: 3,
    },
  });
}

/** `placed`: agents that are on their nodes already, three a node. */
export async function openBigFleet({ nodes, placed }: { nodes: number; placed: number }): Promise<BigFleet> {
  const dir = mkdtempSync(join(tmpdir(), 'big-fleet-'));
  let ahead = 0;
  let tickedAt = 0;
  let tickedCpuMs = 0;
  const clock: Clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + ahead,
    monotonicMs: () => systemClock.monotonicMs() + ahead,
    every: (periodMs, run) =>
      systemClock.every(periodMs, () => {
        if (periodMs === 250) {
          tickedAt = performance.now();
          tickedCpuMs = threadCpuMs();
        }
        run();
      }),
  };
  const died = (error: Error) => {
    throw error;
  };
  const store = await openWorkerStore({ path: join(dir, 'fleet.sqlite'), log: silentLog, clock, died });
  const begun = await claimed(store);
  const now = clock.nowMs();
  await begun.commit(
    Array.from({ length: nodes }, (_, i): DurableChange => {
      const row = sampleNode(nodeId(i), {
        class: hardware(i).class,
        site: `site-${i % 20}`,
        presence: 'online',
        boot: `boot-${nodeId(i)}`,
      });
      return { type: 'node', row: { ...row, presenceSinceMs: now, certificateExpiresMs: now + 1e10 } };
    }),
  );
  await begun.commit(
    Array.from({ length: placed }, (_, i): DurableChange => ({ type: 'agent', row: placedRow(i, nodes, now) })),
  );
  const fleet = { onPublish: (_: readonly BusMessage[]) => {} };
  const bus: Bus = {
    async start() {},
    publish: (messages) => fleet.onPublish(messages),
    disconnect() {},
    stats: () => ({ connections: nodes, received: 0, sent: 0, refused: {}, stalled: 0 }),
    async stop() {},
  };
  const coordinator = await startCoordinator({
    store,
    bus,
    policy: policyOf(readConfig(['--restart-grace', '0'], {})),
    clock,
    random: systemRandom,
    log: silentLog,
    check: interpretingChecker,
    fenced() {},
    fatal(error) {
      throw error;
    },
  });
  for (let from = 0; from < nodes; from += 1000)
    await Promise.all(Array.from({ length: Math.min(1000, nodes - from) }, (_, i) => introduce(coordinator, from + i)));

  const turns = watchTurns();
  return Object.assign(fleet, {
    coordinator,
    tickedAt: () => tickedAt,
    tickedCpuMs: () => tickedCpuMs,
    skip(ms: number) {
      ahead += ms;
    },
    longestTurn: () => turns.longest(),
    async close() {
      turns.stop();
      await coordinator.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  });
}

function placedRow(i: number, nodes: number, now: number): AgentRow {
  const spec = bigSpec(i);
  const node = i % nodes;
  const model = spec.model.find((name) => hardware(node).models.some((each) => each.name === name)) as string;
  const placement = { node: nodeId(node), epoch: 1, model, placedMs: now, baseSeq: 0, baseHash: 'genesis', from: null };
  return {
    id: spec.name,
    space: defaultSpace,
    spec,
    version: 1,
    epoch: 1,
    placement,
    why: null,
    unplaced: null,
    createdMs: now,
    updatedMs: now,
  };
}
async function introduce(coordinator: Coordinator, i: number): Promise<void> {
  const node = nodeId(i);
  const boot = `boot-${node}`;
  const row = coordinator.view.nodes.get(node);
  const { memoryTotalBytes, memoryFreeBytes, models } = hardware(i);
  void coordinator.submit('node-hello', {
    node,
    message: {
      boot,
      version: '0.1.0',
      hardware: row?.hardware ?? '',
      generation: row?.generation ?? 0,
      upMs: 0,
      held: [],
    },
  });
  await coordinator.submit('node-capacity', {
    node,
    message: {
      boot,
      memoryTotalBytes,
      memoryFreeBytes,
      diskFreeBytes: 50 * GiB,
      models,
      defaultChat: 'small',
      embedder: null,
    },
  });
}

export async function settled(isSettled: () => boolean, deadlineMs = 120_000): Promise<void> {
  const until = performance.now() + deadlineMs;
  while (!isSettled()) {
    if (performance.now() > until) throw new Error('the fleet did not settle');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
