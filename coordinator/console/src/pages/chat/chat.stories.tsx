// A message and its answer in every state.
import type { ConversationTask } from '@blackroad/protocol';
import type { Stories } from '../../kit/stories.ts';
import { withFiles } from './attached.ts';
import { Turn } from './turn.tsx';

const usage = {
  model: 'qwen3:1.7b',
  promptTokens: 412,
  completionTokens: 96,
  recalled: 2,
  toolCalls: 1,
  firstTokenMs: 480,
  decodeMs: 3600,
  totalMs: 4200,
};
const turn = (over: Partial<ConversationTask>): ConversationTask => ({
  id: 't1',
  agent: 'gardener',
  state: 'done',
  prompt: 'How much water do the beds need?',
  priority: 50,
  origin: 'console',
  createdMs: 1_780_000_000_000,
  deadlineMs: 1_780_000_600_000,
  attempt: 1,
  attempts: 3,
  node: 'alice',
  epoch: 1,
  leasedMs: 1_780_000_000_010,
  endedMs: 1_780_000_004_200,
  result: 'Water **twice** a day:\n\n1. at dawn\n2. at dusk\n\n```sh\nvalve open --bed roses\n```',
  truncated: false,
  problem: null,
  usage,
  idempotencyKey: null,
  past: [],
  pictures: 0,
  ...over,
});
const shown =
  (over: Partial<ConversationTask>, tries: string[] = ['t1'], isOwn = true) =>
  () => (
    <Turn
      conversation="c1"
      agent={null}
      placed={{ turn: turn(over), tries }}
      follow={false}
      acts={isOwn ? { again: () => {} } : null}
      choose={() => {}}
      why={() => {}}
    />
  );
const problem = { code: 'model-missing', text: 'no runtime on this node serves qwen3 now', retryable: true };

export const stories: Stories = {
  Answered: shown({}),
  'The second of three tries': shown({}, ['t0', 't1', 't2']),
  'With a file': shown({ prompt: withFiles('What is in it?', [{ name: 'notes.md', text: '# Notes\n- roses' }]) }),
  Read: shown({}, ['t1'], false),
  Waiting: shown({ state: 'queued', attempt: 0, node: null, result: null, usage: null, endedMs: null }),
  Failed: shown({ state: 'failed', result: null, usage: null, problem }),
  'It said nothing': shown({ result: '' }),
};
