// Where a memory comes from.
import type { MemoryEntry } from '@blackroad/protocol';
import t from 'tap';
import { sourceOf, writerOf } from './origin.ts';

const entry = (seq: number, epoch: number, kind: string, actorId: string) =>
  ({ seq, epoch, kind, actorId }) as MemoryEntry;
const log = [
  entry(1, 1, 'genesis', 'node:alice'),
  entry(2, 1, 'turn', 'agent:echo'),
  entry(3, 2, 'migrate', 'node:aria'),
  entry(4, 2, 'turn', 'agent:echo'),
];

t.test('the node of an entry is the one that opened its epoch', async (t) => {
  t.equal(writerOf(log, { epoch: 1, seq: 2 }), 'alice');
  t.equal(writerOf(log, { epoch: 2, seq: 4 }), 'aria');
  t.equal(writerOf(log.slice(3), { epoch: 2, seq: 4 }), null, 'it opened before what was read');
});
t.test('sources are read', async (t) => {
  t.same(sourceOf('task:t-1'), { kind: 'task', task: 't-1' });
  t.same(sourceOf('branch:alice:3'), { kind: 'branch', node: 'alice', epoch: '3' });
  t.same(sourceOf('node:alice'), { kind: 'node', node: 'alice' });
  t.same(sourceOf('tool:memory'), { kind: 'other', text: 'tool:memory' });
});
