// The meaning of each verb of an alert or of a fix: a page to open, or a route with its parameters, the question before it, and the text
// after success.
import type { AlertAction, RouteAnswer, RouteName } from '@blackroad/protocol';
import type { LinkProps } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { type Call, call } from '../data/api.ts';

export interface Subject {
  node: string;
  agent: string;
  model: string;
  site: string | undefined;
}
export interface Look {
  link: (subject: Subject) => LinkProps;
  icon?: ReactNode;
  /** Shown only with the permission for this route. */
  may?: RouteName;
}
interface Question {
  title: string;
  text: string;
  verb: string;
  look?: 'plain';
}
export interface Act {
  may: RouteName;
  run: (subject: Subject) => Promise<unknown>;
  /** Missing where the text comes from placement's answer about the agents. */
  done?: (subject: Subject) => string;
  confirm?: (subject: Subject) => Question;
  /** The undo of a drain. */
  undo?: (subject: Subject) => Promise<unknown>;
}
const act = <N extends RouteName>(
  route: N,
  given: (subject: Subject) => Call<N>,
  rest: Omit<Act, 'may' | 'run'>,
): Act => ({ may: route, run: (subject): Promise<RouteAnswer<N>> => call(route, given(subject)), ...rest });

export const acts = {
  'open-node': { link: ({ node }) => ({ to: '/nodes/$node', params: { node } }) },
  'open-agent': { link: ({ agent }) => ({ to: '/agents/$agent', params: { agent } }) },
  'edit-agent': {
    link: ({ agent }) => ({ to: '/agents/$agent', params: { agent }, search: { tab: 'spec', fix: '1' } }),
    may: 'agentApply',
  },
  'open-dead-letters': { link: () => ({ to: '/tasks', search: { dead: 'true' } }) },
  'open-queue': { link: ({ agent }) => ({ to: '/tasks', search: { state: 'queued', agent } }) },
  'open-branches': { link: () => ({ to: '/memory', search: { tab: 'branches' } }) },
  'open-keys': { link: () => ({ to: '/keys' }), may: 'keys' },
  'open-backups': { link: () => ({ to: '/settings' }), may: 'backups' },
  'open-objects': { link: () => ({ to: '/settings' }), may: 'objects' },
  'open-rollouts': { link: () => ({ to: '/rollouts' }) },
  'open-mqtt': { link: () => ({ to: '/settings' }) },
  'open-webhooks': { link: () => ({ to: '/webhooks' }), may: 'webhooks' },
  'open-memory': { link: () => ({ to: '/memory' }) },
  'add-node': { link: () => ({ to: '/nodes/add' }), icon: <Plus />, may: 'joinTokenCreate' },
  'forget-node': act('nodeForget', ({ node }) => ({ params: { node } }), {
    done: ({ node }) => `${node} is forgotten.`,
    confirm: ({ node }) => ({
      title: `Forget ${node}?`,
      text: 'Its certificate is worthless from then on; to come back it must join again with a new token.',
      verb: 'Forget it',
    }),
  }),
  'release-node': act('nodeRelease', ({ node }) => ({ params: { node } }), {
    done: ({ node }) => `${node} may come back.`,
    confirm: ({ node }) => ({
      look: 'plain',
      title: `Trust ${node} again?`,
      text: 'Its quarantine ends, and the hardware it reports next is taken as its own. Do this only if you know why it changed.',
      verb: 'Trust it',
    }),
  }),
  'drain-node': act('nodeEdit', ({ node }) => ({ params: { node }, body: { draining: true } }), {
    undo: ({ node }) => call('nodeEdit', { params: { node }, body: { draining: false, cordoned: false } }),
  }),
  'uncordon-node': act('nodeEdit', ({ node }) => ({ params: { node }, body: { cordoned: false, draining: false } }), {
    done: ({ node }) => `${node} takes agents again.`,
  }),
  'pull-model': act('nodePull', ({ node, model }) => ({ params: { node }, body: { model } }), {
    done: ({ node, model }) => `${node} fetches ${model}.`,
  }),
  'release-moves': act('movesRelease', ({ site }) => ({ body: site === undefined ? {} : { site } }), {
    done: () => 'Agents move now.',
    confirm: () => ({
      look: 'plain',
      title: 'Let agents move now?',
      text: 'Agents of the nodes that are away are placed elsewhere at once. If it is only the network, they would be back by themselves.',
      verb: 'Let them move',
    }),
  }),
} satisfies Record<AlertAction['verb'], Look | Act>;
