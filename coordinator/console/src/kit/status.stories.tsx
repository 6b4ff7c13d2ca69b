// Every status word, tags, times.

import { Status, Tag } from './status.tsx';
import type { Stories } from './stories.ts';

const words = [
  ['online', 'suspect', 'lost', 'never', 'quarantined', 'cordoned', 'draining'],
  ['ready', 'placed', 'starting', 'hydrating', 'unplaced', 'failed', 'waiting'],
  ['queued', 'leased', 'running', 'done', 'cancelled', 'expired'],
  ['info', 'warning', 'error', 'fine'],
];
const row = (list: string[] | undefined) => () => (
  <div className="row wrap">
    {(list ?? []).map((word) => (
      <Status key={word} of={word} />
    ))}
  </div>
);
export const stories: Stories = {
  'presence of nodes': row(words[0]),
  agents: row(words[1]),
  tasks: row(words[2]),
  severities: row(words[3]),
  tags: () => (
    <div className="row wrap">
      <Tag>simulated</Tag>
      <Tag tone="warn">cordoned</Tag>
      <Tag tone="bad">expired</Tag>
      <Tag tone="violet">gpu</Tag>
    </div>
  ),
};
