// What people tell a node in Home Assistant, done by the inputs that the API has for it: the same decisions, and the same rows in the audit.
import {
  defaultSpace,
  FleetError,
  type HomeOrder,
  mayDo,
  type Permission,
  type Principal,
  permissionWords,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type Random, sortableId } from '@blackroad/std/random';
import type { Coordinator } from '../road/coordinator.ts';
import { insist } from '../state/decision.ts';
import { newestFor } from './states.ts';

interface OrderParts {
  coordinator: Pick<Coordinator, 'view' | 'submit' | 'command'>;
  clock: Clock;
  random: Random;
}
interface Order {
  order: HomeOrder;
  node: string;
  wanted: boolean;
  /** Missing: a broker of somebody else's does not report the sender, and its access control has let the message through. */
  by: Principal | undefined;
}

const identifySeconds = 10;
const answerMs = 10_000;
const somebody: Principal = { kind: 'address', id: null, name: 'broker', space: defaultSpace, roles: ['operator'] };
/** Beside `nodes:write`, which the topic needs. */
const needs: Partial<Record<HomeOrder, Permission>> = { update: 'rollouts:write' };

/** @throws FleetError */
export async function carryOut({ order, node, wanted, by = somebody }: Order, parts: OrderParts): Promise<void> {
  const { coordinator, clock, random } = parts;
  const more = needs[order];
  if (more !== undefined && !mayDo(by.roles, more))
    throw new FleetError('not-allowed', { detail: `This key may not do that: it needs ${permissionWords(more)}.` });
  switch (order) {
    case 'cordon':
      insist(await coordinator.submit('node-edit', { by, node, cordoned: wanted }));
      return;
    case 'drain':
      insist(await coordinator.submit('node-edit', { by, node, draining: wanted }));
      return;
    case 'identify':
      if (wanted) await told(coordinator, by, node, { name: 'identify', message: { seconds: identifySeconds } });
      return;
    case 'restart':
      if (wanted) await told(coordinator, by, node, { name: 'restart', message: {} });
      return;
    case 'update': {
      if (!wanted) return;
      const row = coordinator.view.nodes.get(node);
      const version = row ? newestFor(coordinator.view, row) : null;
      if (version === null) throw new FleetError('conflict', { detail: `There is no newer release for ${node}.` });
      const what = { kind: 'node-agent', version } as const;
      const request = {
        what,
        select: { names: [node] },
        waves: [{ percent: 100 }],
        note: 'asked for in Home Assistant',
      };
      const id = sortableId(clock.nowMs(), random);
      insist(await coordinator.submit('rollout-start', { by, id, request }));
      return;
    }
    default:
      return order satisfies never;
  }
}

async function told(
  coordinator: OrderParts['coordinator'],
  by: Principal,
  node: string,
  order: Parameters<Coordinator['command']>[2],
): Promise<void> {
  const reply = await coordinator.command(by, node, order, answerMs);
  if (!reply.ok)
    throw new FleetError('conflict', {
      detail: `${node}: ${reply.problem?.text ?? reply.text ?? 'it did not do that'}`,
    });
}
