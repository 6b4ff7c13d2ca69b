// Tasks on the command line show their asker, also where it is not known.
import type { TaskView } from '@blackroad/protocol';
import t from 'tap';
import type { VerbCall } from '../verb.ts';
import { paintFor } from '../words.ts';
import { workVerbs } from './work.ts';

const task = (id: string, over: Partial<TaskView> = {}) =>
  ({
    id,
    agent: 'greeter',
    state: 'queued',
    prompt: 'Is the gate shut?',
    priority: 50,
    origin: 'mqtt',
    createdMs: 0,
    attempt: 0,
    attempts: 3,
    node: null,
    problem: null,
    usage: null,
    result: null,
    ...over,
  }) as TaskView;
const ha = { kind: 'key', id: 'a1b2c3d4e5', name: 'home-assistant' } as const;

async function shown(words: string, answer: unknown, columns = 120): Promise<string> {
  const lines: string[] = [];
  const call = {
    args: ['01m8hbdm801y8hxhvrrz65hanq'],
    flags: {},
    client: () => ({ call: async () => answer }),
    clock: { nowMs: () => 5000 },
    paint: paintFor(false),
    columns,
    show: (_: unknown, text: () => string) => lines.push(text()),
  } as unknown as VerbCall;
  await workVerbs.find((verb) => verb.words === words)?.run(call);
  return lines.join('\n');
}

t.test('one task says who asked', async (t) => {
  t.match(
    await shown('tasks show', task('t1', { by: ha })),
    /\nasked +5\.0 s ago from mqtt.*\nby +key home-assistant\n/,
  );
  const alone = task('t1', { origin: 'cron', by: { kind: 'node', id: 'pi-1', name: 'pi-1' } });
  t.match(await shown('tasks show', alone), /\nby +a trigger, on pi-1\n/);
  t.match(await shown('tasks show', task('t1')), /\nby +not known\n/, 'an older task, or an older coordinator');
});

t.test('so does the list, in the words of the audit log, where the screen is wide enough', async (t) => {
  const tasks = [task('t1', { by: ha }), task('t2')];
  const [head, first, second] = (await shown('tasks', tasks)).split('\n');
  t.match(head, / ASKED +BY +WHAT$/);
  t.match(first, / key:home-assistant +Is the gate shut\?$/);
  t.match(second, / - +Is the gate shut\?$/);
  t.notMatch(await shown('tasks', tasks, 60), /BY|home-assistant/);
});
