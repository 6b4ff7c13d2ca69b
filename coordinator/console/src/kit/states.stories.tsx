// The states of a part of a page: waiting, empty, failed.
import { Server } from 'lucide-react';
import { Button } from './button.tsx';
import { Empty, Failure, Loading } from './states.tsx';
import type { Stories } from './stories.ts';

export const stories: Stories = {
  loading: () => <Loading lines={4} />,
  'nothing, and what to do': () => (
    <Empty title="No machine has joined yet" icon={<Server />}>
      <p>A node is one machine: a Pi, a GPU box, this computer.</p>
      <Button look="primary">Add a node</Button>
    </Empty>
  ),
  'nothing, in a word': () => <Empty title="Nothing has happened yet" />,
  failed: () => <Failure error={new Error('alice is not online; it was last heard 3 min ago.')} retry={() => {}} />,
  'not found': () => (
    <Failure error={Object.assign(new Error('There is no node alcie. Did you mean alice?'), { status: 404 })} />
  ),
};
