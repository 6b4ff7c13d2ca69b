// The trouble of the MQTT door for people: programs of the house cannot connect there. Pure; the same form as troubles.ts.
import type { PeopleDoorView } from '@blackroad/protocol';
import type { Trouble } from './trouble.ts';

/** A process that ended is back within seconds. */
const patienceMs = 30_000;

export type PeopleDoorProblem = Pick<PeopleDoorView, 'problem' | 'problemSinceMs'>;

export function peopleDoorTroubles(door: PeopleDoorProblem | null, nowMs: number): Trouble[] {
  if (door === null || door.problem === null) return [];
  const sinceMs = door.problemSinceMs ?? nowMs;
  if (nowMs - sinceMs < patienceMs) return [];
  return [
    {
      ...{ group: 'people-door', kind: 'people-door', severity: 'error', site: null, sinceMs },
      title: 'Programs of the house cannot connect over MQTT',
      many: 'MQTT doors for people are closed',
      text: `Home Assistant, Node-RED and a bridge hear nothing until the MQTT door for people listens again, which the coordinator tries by itself: ${door.problem}. Nodes are not concerned.`,
      actions: [{ verb: 'open-mqtt', label: 'View MQTT', role: 'viewer' }],
    },
  ];
}
