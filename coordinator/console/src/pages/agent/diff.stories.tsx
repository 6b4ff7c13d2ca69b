// Two versions of a spec: changed, the same, the first one.
import templates from 'fleet:templates';
import type { AgentSpec } from '@blackroad/protocol';
import type { Stories } from '../../kit/stories.ts';
import { SpecDiff } from './spec-diff.tsx';

const [first, second] = templates as [AgentSpec, AgentSpec];

export const stories: Stories = {
  changed: () => <SpecDiff before={first} after={second} names={[1, 2]} />,
  'the same': () => <SpecDiff before={first} after={first} names={[1, 2]} />,
  'the first version': () => <SpecDiff before={null} after={first} names={[null, 1]} />,
};
