// A followed task under chunks in order, repeated, missed, of another attempt; and the events in pieces.
import type { TaskStreamEvent, TaskView } from '@blackroad/protocol';
import t from 'tap';
import { type Followed, heard, nothingYet } from './followed.ts';
import { createEventReader } from './sse.ts';

const task = (attempt: number, more: Partial<TaskView> = {}) =>
  ({ id: 't', attempt, state: 'running', ...more }) as TaskView;
const chunk = (attempt: number, offset: number, text: string, tool?: string): TaskStreamEvent => ({
  event: 'chunk',
  data: { attempt, offset, text, ...(tool ? { tool } : {}) },
});
const after = (...events: TaskStreamEvent[]): Followed => events.reduce(heard, nothingYet);

t.test('tokens join, tool calls stand between them', async (t) => {
  const told = after(
    { event: 'task', data: task(0) },
    chunk(1, 0, 'Look'),
    chunk(1, 4, 'ing', 'memory'),
    chunk(1, 7, 'up'),
  );
  t.same(told.parts, [
    { kind: 'text', text: 'Looking' },
    { kind: 'tool', name: 'memory' },
    { kind: 'text', text: 'up' },
  ]);
  t.equal(told.line, 'open');
});
t.test('what comes twice counts once, what was missed shows', async (t) => {
  t.same(after(chunk(1, 0, 'abc'), chunk(1, 0, 'abcd')).parts, [{ kind: 'text', text: 'abcd' }]);
  t.same(after(chunk(1, 0, 'ab'), chunk(1, 5, 'fg')).parts, [
    { kind: 'text', text: 'ab' },
    { kind: 'missing' },
    { kind: 'text', text: 'fg' },
  ]);
});
t.test('a thought that was told as answer is taken back', async (t) => {
  const back = (offset: number): TaskStreamEvent => ({
    event: 'chunk',
    data: { attempt: 1, offset, text: '', retract: true },
  });
  t.match(after(chunk(1, 0, 'the pin is 4711'), back(0), chunk(1, 0, 'Four.')), {
    parts: [{ kind: 'text', text: 'Four.' }],
    upto: 5,
  });
  t.same(
    after(chunk(1, 0, 'Let me look.'), chunk(1, 12, '', 'memory'), chunk(1, 12, 'hm hm'), back(12)).parts,
    [
      { kind: 'text', text: 'Let me look.' },
      { kind: 'tool', name: 'memory' },
    ],
    'what was said before stays',
  );
});
t.test('another attempt begins from nothing', async (t) => {
  t.same(after(chunk(1, 0, 'first'), chunk(2, 0, 'second')).parts, [{ kind: 'text', text: 'second' }]);
  t.same(after(chunk(1, 0, 'first'), { event: 'task', data: task(2) }).parts, []);
  t.same(
    after(chunk(1, 0, 'kept'), { event: 'task', data: task(1) }).parts,
    [{ kind: 'text', text: 'kept' }],
    'a line that came back to the same attempt forgets nothing',
  );
});
t.test('the end has the whole', async (t) => {
  const told = after(chunk(1, 0, 'ha'), { event: 'end', data: task(1, { state: 'done', result: 'half and all' }) });
  t.same([told.line, told.task?.result], ['ended', 'half and all']);
});
t.test('events come whole however they are cut', async (t) => {
  const text = 'event: task\ndata: {"a":1}\n\n: still working\n\nevent: end\r\ndata: {"b":"x: y"}\r\n\r\nevent: chu';
  for (let size = 1; size < 30; size++) {
    const read = createEventReader();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...read(text.slice(at, at + size)));
    t.same(
      found,
      [
        { event: 'task', data: '{"a":1}' },
        { event: 'end', data: '{"b":"x: y"}' },
      ],
      `${size} characters at a time`,
    );
  }
});
