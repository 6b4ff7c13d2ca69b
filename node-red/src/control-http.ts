// What a flow tells a node of the fleet, over HTTP: by the routes that the console and the command line use.
import type { NodeView } from '@blackroad/protocol';
import type { Action, Done } from './door.ts';
import type { Requests } from './requests.ts';

const changes = {
  cordon: { cordoned: true },
  uncordon: { cordoned: false },
  drain: { draining: true },
  undrain: { draining: false },
} as const;
const said: Readonly<Record<keyof typeof changes, string>> = {
  cordon: 'is cordoned: it gets no new agents',
  uncordon: 'takes new agents again',
  drain: 'drains: its agents move off',
  undrain: 'drains no more',
};
const isChange = (action: Action): action is keyof typeof changes => action in changes;

export async function controlOverHttp(
  requests: Requests,
  node: string,
  action: Action,
  signal: AbortSignal,
): Promise<Done> {
  const path = `/v1/nodes/${encodeURIComponent(node)}`;
  if (isChange(action)) {
    const view = (await requests.json({ method: 'PUT', path, body: changes[action], signal })) as NodeView;
    const { cordoned, draining } = view;
    return { node, action, text: `${node} ${said[action]}`, cordoned, draining };
  }
  const ask = { method: 'POST', path: `${path}/${action}`, body: {}, signal, isOnce: true } as const;
  const { text } = (await requests.json(ask)) as { text: string };
  return { node, action, text, cordoned: null, draining: null };
}
