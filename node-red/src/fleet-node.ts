// The configuration node `fleet`: one way into the fleet for all nodes of a flow that name it, and how it stands. In: address, CA, and the key
// as a credential. Out: a door, or why there is none.
import { readFileSync } from 'node:fs';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import type { Door } from './door.ts';
import { openHttpDoor } from './http-door.ts';
import { Link } from './link.ts';
import { openMqttDoor } from './mqtt-door.ts';
import { placeOf } from './place.ts';
import type { Red, RedNode } from './red.ts';
import { Trouble } from './trouble.ts';

export interface OpenFleet {
  door: Door;
  link: Link;
  way: 'http' | 'mqtt';
  url: string;
}
/** How the nodes of a flow see it. */
interface FleetNode extends RedNode {
  fleet: OpenFleet | { trouble: Trouble };
}
interface FleetConfig {
  address?: string;
  ca?: string;
}

export function registerFleetNode(red: Red): void {
  const credentials = { key: { type: 'password' } } as const;
  red.nodes.registerType<FleetConfig>(
    'fleet',
    function (config) {
      red.nodes.createNode(this, config);
      const own = this as FleetNode;
      own.fleet = open(config, String(this.credentials?.key ?? ''));
      if ('trouble' in own.fleet) return this.warn(own.fleet.trouble.message);
      const { door, link } = own.fleet;
      this.on('close', (_isRemoved, done) => {
        link.close();
        door.close();
        done();
      });
    },
    { credentials },
  );
}

function open({ address = '', ca = '' }: FleetConfig, key: string): FleetNode['fleet'] {
  try {
    const place = placeOf({ address, ca, key }, (path) => readFileSync(path, 'utf8'));
    const parts = { clock: systemClock, random: systemRandom };
    const door = place.way === 'http' ? openHttpDoor(place, parts) : openMqttDoor(place, parts);
    const link = new Link({ ...parts, look: (signal) => door.check(signal) });
    door.whenLost((trouble) => link.met(trouble));
    return { door, link, way: place.way, url: place.url };
  } catch (error) {
    if (error instanceof Trouble) return { trouble: error };
    throw error;
  }
}

/** The fleet that a node of a flow names. */
export function fleetOf(red: Red, id: string | undefined): FleetNode['fleet'] {
  const found = id ? (red.nodes.getNode(id) as FleetNode | null) : null;
  return found?.fleet ?? { trouble: new Trouble('bad-settings', 'no fleet is chosen in the settings of this node') };
}
