// Routes of rollouts: plan, start, follow, and what a person or a playbook tells them.
import { maxBulkBodyBytes } from '../limits.ts';
import {
  RolloutDetails,
  RolloutId,
  RolloutPlan,
  RolloutReport,
  RolloutRequest,
  RolloutTurn,
  RolloutView,
} from '../rollout.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const params = Type.Object({ rollout: RolloutId });
const act = <const P extends string>(path: P, text: string) =>
  route({
    method: 'POST',
    path: `/v1/rollouts/:rollout/${path}`,
    needs: 'rollouts:write',
    text,
    params,
    answer: RolloutView,
  });

export const rolloutRoutes = {
  rollouts: route({
    method: 'GET',
    path: '/v1/rollouts',
    needs: 'rollouts:read',
    text: 'All rollouts that are kept, newest first.',
    answer: Type.Array(RolloutView),
  }),
  rolloutPlan: route({
    method: 'POST',
    path: '/v1/rollouts/plan',
    needs: 'rollouts:read',
    text: 'What a rollout would do: its waves, who is left out and why. Nothing is changed.',
    body: RolloutRequest,
    bodyBytes: maxBulkBodyBytes,
    answer: RolloutPlan,
  }),
  rolloutStart: route({
    method: 'POST',
    path: '/v1/rollouts',
    needs: 'rollouts:write',
    text: 'Starts a rollout.',
    body: RolloutRequest,
    bodyBytes: maxBulkBodyBytes,
    answer: RolloutView,
    created: true,
  }),
  rollout: route({
    method: 'GET',
    path: '/v1/rollouts/:rollout',
    needs: 'rollouts:read',
    text: 'One rollout: its waves, its gates with their figures, its nodes or agents.',
    params,
    answer: RolloutDetails,
  }),
  rolloutPause: act('pause', 'Tells no further node. What is under way goes on; gates are judged.'),
  rolloutResume: act('resume', 'Goes on after a pause, or after a red gate that stopped it: its figures begin anew.'),
  rolloutApprove: act('approve', 'Lets the next wave begin.'),
  rolloutAbort: act('abort', 'Ends a rollout that is not over, and puts what was changed back.'),
  rolloutBack: act('roll-back', 'Puts what a rollout changed back; also after it was done.'),
  rolloutTurn: route({
    method: 'GET',
    path: '/v1/rollouts/:rollout/wave',
    needs: 'rollouts:read',
    text: 'For a rollout that is installed from outside: which nodes are next, or that it must stop, and why.',
    params,
    answer: RolloutTurn,
  }),
  rolloutReport: route({
    method: 'POST',
    path: '/v1/rollouts/:rollout/wave',
    needs: 'rollouts:write',
    text: 'For a rollout that is installed from outside: how far a node is. Installed counts when the node itself says its version.',
    params,
    body: RolloutReport,
    answer: RolloutTurn,
  }),
};
