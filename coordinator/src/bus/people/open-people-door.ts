// The door for people with the limits of this project. In: settings, the embedded broker and its rules. Out: the door.
import {
  maxMqttBacklogBytes,
  maxPeopleConnections,
  maxPeopleInFlight,
  maxPeopleQueueBytes,
  maxPeopleQueueMessages,
  maxPeopleWaiting,
  maxQos2InFlight,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { createRefusals } from '../../door/counted-refusals.ts';
import type { Doorkeeper } from '../../door/doorkeeper.ts';
import { type Gate, recheckMs } from '../../fleet/gate.ts';
import type { AedesBus } from '../aedes.ts';
import { aedesLimits } from '../aedes-limits.ts';
import { responsePrefix } from '../rights.ts';
import { PeopleDesk } from './desk.ts';
import { PeopleDoor, type PeopleDoorBounds } from './people-door.ts';
import type { PeopleDoorLimits, PeopleDoorSettings } from './wire.ts';

export interface PeopleDoorOptions extends Pick<PeopleDoorSettings, 'host' | 'port' | 'tls'> {
  bus: Pick<AedesBus, 'take' | 'takeRefused' | 'retained'>;
  gate: Gate;
  doorkeeper: Doorkeeper;
  /** Below which Home Assistant discovers devices; missing: nowhere. */
  discoveryPrefix?: string | null;
  clock: Clock;
  random: Random;
  log: Log;
  limits?: Partial<PeopleDoorLimits>;
  bounds?: Partial<PeopleDoorBounds>;
}

const bounds: PeopleDoorBounds = {
  messages: maxPeopleQueueMessages,
  bytes: maxPeopleQueueBytes,
  hungMs: 10_000,
  restart: { firstMs: 500, maxMs: 30_000 },
};
const limits: PeopleDoorLimits = {
  ...aedesLimits,
  connections: maxPeopleConnections,
  backlogBytes: maxMqttBacklogBytes,
  inFlight: maxPeopleInFlight,
  halves: maxQos2InFlight,
  waiting: maxPeopleWaiting,
};

export function openPeopleDoor(options: PeopleDoorOptions): PeopleDoor {
  const { host, port, tls, bus, gate, doorkeeper, discoveryPrefix, clock, random, log } = options;
  const refusals = createRefusals(log, clock);
  const desk = new PeopleDesk({ bus, gate, doorkeeper, discoveryPrefix, refusals, clock, limits: aedesLimits });
  return new PeopleDoor({
    settings: { host, port, tls, limits: { ...limits, ...options.limits }, responsePrefix },
    ...{ desk, refusals },
    bounds: { ...bounds, ...options.bounds },
    ...{ recheckMs, clock, random, log },
  });
}
