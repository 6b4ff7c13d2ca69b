// A followed task in a terminal: attempts are never spliced, a restart has its reason, thoughts are marked; a closed pipe is no error.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AgentView, TaskView } from '@blackroad/protocol';
import t from 'tap';
import type { VerbCall } from '../verb.ts';
import { paintFor } from '../words.ts';
import { agentTable, followTask } from './agents.ts';

type Event = { event: string; data: unknown };
const chunk = (attempt: number, offset: number, text: string, more = {}): Event => ({
  event: 'chunk',
  data: { attempt, offset, text, ...more },
});
const task = (event: 'task' | 'end', more: Partial<TaskView>): Event => ({
  event,
  data: { id: 't', state: 'done', node: 'alice', result: null, past: [], usage: null, ...more },
});

async function followed(...events: Event[]) {
  let written = '';
  const notes: string[] = [];
  const call = {
    json: false,
    interactive: true,
    write: (text: string) => {
      written += text;
    },
    note: (text: string) => notes.push(text),
    paint: (_: string, text: string) => text,
  } as unknown as VerbCall;
  async function* stream() {
    yield* events;
  }
  await followTask(call, stream());
  return { written, notes };
}

t.test('a new attempt says what became of the one before, in the words of the task', async (t) => {
  const past = [
    { attempt: 1, node: 'alice', leasedMs: 1, endedMs: 2, outcome: 'refused' as const, text: 'vLLM does not answer.' },
  ];
  const { written } = await followed(
    task('task', { attempt: 1, state: 'running' }),
    chunk(1, 0, 'The ca'),
    task('task', { attempt: 1, state: 'queued', past }),
    chunk(2, 0, 'The cat.'),
    task('end', { attempt: 2, result: 'The cat.', past }),
  );
  t.equal(written, 'The ca\n(vLLM does not answer; starting over)\nThe cat.\n');
  const unheard = await followed(chunk(1, 0, 'The ca'), task('end', { attempt: 2, result: 'A dog barks.', past }));
  t.equal(
    unheard.written,
    'The ca\n(vLLM does not answer; starting over)\nA dog barks.\n',
    'a result is never spliced',
  );
});

t.test('what was thought is set apart from the answer', async (t) => {
  const { written } = await followed(
    chunk(1, 0, 'the pin is 4711'),
    chunk(1, 0, '', { retract: true }),
    chunk(1, 0, 'Four'),
    task('end', { attempt: 1, result: 'Four.' }),
  );
  t.equal(written, 'the pin is 4711\n(end of the thoughts; the answer:)\nFour.\n');
});

t.test('the speed that is shown leaves out the wait', async (t) => {
  const usage = { model: 'm', promptTokens: 9, completionTokens: 20, recalled: 0, toolCalls: 0 };
  const { notes } = await followed(
    task('end', {
      attempt: 1,
      result: 'Four.',
      usage: { ...usage, firstTokenMs: 58_000, decodeMs: 2_000, totalMs: 60_000 },
    }),
  );
  t.match(notes[0], /10\.0 tokens\/s/);
});

t.test('the list says since when its reasons hold: what a placement found may have changed since', async (t) => {
  const agent = {
    name: 'greeter',
    state: 'ready',
    node: 'alice',
    model: 'small',
    tasks: { running: 0, waiting: 0 },
    memory: { seq: 3 },
    unplaced: null,
    why: {
      node: 'alice',
      scores: [
        { name: 'residency', text: 'on disk' },
        { name: 'class', text: 'suits it' },
        { name: 'speed', text: '203 tokens/s estimated' },
      ],
    },
  } as unknown as AgentView;
  const as = { fleet: (words: string) => `fleet ${words}` } as never;
  const list = (of: AgentView) => agentTable([of], { columns: 200, paint: paintFor(false), as });
  const [head, row] = list(agent).split('\n');
  t.match(head, /WHY \(WHEN PLACED\)$/);
  t.match(row, /^greeter .* on disk, 203 tokens\/s estimated$/);
  t.match(list({ ...agent, reason: 'loads its model' } as AgentView), /loads its model$/, 'what holds now comes first');
  const unplaced = { text: 'no node is open', fix: [[{ verb: 'uncordon-node', node: 'alice' }]] };
  t.match(
    list({ ...agent, node: null, unplaced } as unknown as AgentView),
    /no node is open; to fix it: fleet uncordon alice$/,
  );
});

t.test('a reader that leaves ends the command without a trace', async (t) => {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, 'help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const [code] = await once(child, 'close');
  t.same([code, complaint], [0, '']);
});
