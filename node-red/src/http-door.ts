// The fleet over HTTP(S), with the key of the configuration node.
import type { AgentView, NodeView, Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { askOverHttp } from './ask-http.ts';
import { controlOverHttp } from './control-http.ts';
import type { Door } from './door.ts';
import { listenOverHttp } from './listen-http.ts';
import type { Place } from './place.ts';
import { createRequests } from './requests.ts';
import { Trouble } from './trouble.ts';

/** Those that a dialog proposes. */
const maxNames = 500;

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
    async names(signal) {
      const list = async <T>(path: string) =>
        ((await requests.json({ method: 'GET', path, signal })) as T[]).slice(0, maxNames);
      const [agents, nodes] = await Promise.all([
        list<AgentView>('/v1/agents'),
        list<NodeView>(`/v1/nodes?limit=${maxNames}`),
      ]);
      return { agents: agents.map(({ name }) => name), nodes: nodes.map(({ id }) => id) };
    },
    control: (node, action, signal) => controlOverHttp(requests, node, action, signal),
    listen: (listener) => listening.add(listener),
    whenLost() {},
    close() {
      listening.close();
      requests.close();
    },
  };
}
