// The MQTT door for people as the configuration wants it. In: the configuration, and the embedded broker. Out: the door, or null.
import type { AedesBus } from './bus/aedes.ts';
import { openPeopleDoor, type PeopleDoorOptions } from './bus/people/open-people-door.ts';
import type { PeopleDoor } from './bus/people/people-door.ts';
import type { CoordinatorConfig } from './config.ts';
import { peoplePortOf } from './people-options.ts';

type Own = Omit<PeopleDoorOptions, 'bus' | 'host' | 'port'> & { bus: AedesBus | null };

export function peopleDoorOf(config: CoordinatorConfig, { bus, ...own }: Own): PeopleDoor | null {
  const port = peoplePortOf(config);
  return bus && port !== null ? openPeopleDoor({ ...own, bus, host: config.host, port }) : null;
}
