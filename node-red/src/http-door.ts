// The fleet over HTTP(S), with the key of the configuration node.
import type { Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { askOverHttp } from './ask-http.ts';
import { controlOverHttp } from './control-http.ts';
import type { Door } from './door.ts';
import { listenOverHttp } from './listen-http.ts';
import type { Place } from './place.ts';
import { createRequests } from './requests.ts';
import { Trouble } from './trouble.ts';

export function openHttpDoor(place: Place, { clock, random }: { clock: Clock; random: Random }): Door {
  const requests = createRequests(place);
  const parts = { requests, clock, random };
  const listening = listenOverHttp(parts);
  return {
    async check(signal) {
      const me = (await requests.json({ method: 'GET', path: '/v1/me', signal })) as Partial<Principal> | undefined;
      if (!me?.roles) throw new Trouble('refused', `${place.url} is not the address of a coordinator`);
      return `${me.name} (${me.roles.join(', ')})`;
    },
    ask: (question, onPiece, signal) => askOverHttp(parts, question, onPiece, signal),
    control: (node, action, signal) => controlOverHttp(requests, node, action, signal),
    listen: (listener) => listening.add(listener),
    close() {
      listening.close();
      requests.close();
    },
  };
}
