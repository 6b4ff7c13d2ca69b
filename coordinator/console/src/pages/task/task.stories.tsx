// A task's life: waiting, at work, done at once, done at the third attempt, expired.
import type { TaskView } from '@blackroad/protocol';
import { nowMs } from '../../data/clock.ts';
import type { Stories } from '../../kit/stories.ts';
import { TaskTimeline } from './task-timeline.tsx';

const task = (ago: number, more: Partial<TaskView>): TaskView => ({
  id: 'story',
  agent: 'alice',
  state: 'queued',
  prompt: 'What is the garage code?',
  priority: 50,
  origin: 'console',
  createdMs: nowMs() - ago,
  deadlineMs: nowMs() + 600_000,
  attempt: 0,
  attempts: 3,
  node: null,
  epoch: null,
  leasedMs: null,
  endedMs: null,
  result: null,
  truncated: false,
  problem: null,
  usage: null,
  idempotencyKey: null,
  past: [],
  by: { kind: 'session', id: 'a1b2c3d4e5', name: 'ada' },
  ...more,
});
const usage = {
  model: 'qwen2.5:3b',
  promptTokens: 210,
  completionTokens: 96,
  recalled: 3,
  toolCalls: 1,
  firstTokenMs: 1_800,
  totalMs: 21_000,
};

export const stories: Stories = {
  'in the queue': () => <TaskTimeline task={task(4_000, {})} />,
  'at work': () => (
    <TaskTimeline task={task(9_000, { state: 'running', attempt: 1, node: 'alice', leasedMs: nowMs() - 7_000 })} />
  ),
  done: () => (
    <TaskTimeline
      task={task(60_000, {
        state: 'done',
        attempt: 1,
        node: 'alice',
        leasedMs: nowMs() - 55_000,
        endedMs: nowMs() - 33_000,
        usage,
      })}
    />
  ),
  'done at the third attempt': () => (
    <TaskTimeline
      task={task(90_000, {
        state: 'done',
        attempt: 3,
        node: 'gpu-box',
        leasedMs: nowMs() - 30_000,
        endedMs: nowMs() - 8_000,
        usage,
        past: [
          {
            attempt: 1,
            node: 'alice',
            leasedMs: nowMs() - 88_000,
            endedMs: nowMs() - 70_000,
            outcome: 'lost',
            text: 'alice is lost: nothing was heard of it for 15 s.',
          },
          {
            attempt: 2,
            node: 'aria',
            leasedMs: nowMs() - 60_000,
            endedMs: nowMs() - 50_000,
            outcome: 'failed',
            text: 'The runtime broke off in the middle of the answer.',
          },
        ],
      })}
    />
  ),
  expired: () => (
    <TaskTimeline
      task={task(20_000, {
        state: 'expired',
        endedMs: nowMs() - 1_000,
        problem: { code: 'deadline-passed', text: 'The deadline passed in the queue.', retryable: true },
      })}
    />
  ),
};
