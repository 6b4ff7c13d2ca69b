// An edge of a pin asks an agent: the edges that it wants, once in its rest, never while its last task is under way.
import type { AssignedAgent, Trigger } from '@blackroad/protocol';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { createPinTriggers } from './pin-triggers.ts';

function rig(triggers: Trigger[]) {
  const clock = new HandClock();
  const listeners = new Map<string, Set<(on: boolean) => void>>();
  const fired: string[] = [];
  const underWay = new Set<string>();
  let isBusy = false;
  const pins = {
    listen(pin: string, onEdge: (on: boolean) => void) {
      const of = listeners.get(pin) ?? new Set();
      listeners.set(pin, of.add(onEdge));
      return () => void of.delete(onEdge);
    },
    lack: (pin: string) => (pin === 'motion' ? null : `this node has no pin ${pin}`),
  };
  const made = createPinTriggers({
    node: 'alice',
    pins,
    clock,
    fire(_, prompt) {
      if (isBusy) return null;
      fired.push(prompt);
      return `task-${fired.length}`;
    },
    isUnderWay: (task) => underWay.has(task),
  });
  const before = assignedAgent('ada', 1, { baseSeq: 0, baseHash: 'genesis', from: null });
  const assigned: AssignedAgent = { ...before, spec: { ...before.spec, triggers } };
  const edge = (on: boolean, pin = 'motion') => {
    for (const listener of listeners.get(pin) ?? []) listener(on);
  };
  return { made, assigned, edge, fired, underWay, clock, busy: (is: boolean) => (isBusy = is), listeners };
}

t.test('the edge that it wants, with its place holders filled', async (t) => {
  for (const [wanted, expected] of [
    ['rising', ['motion on alice is on']],
    ['falling', ['motion on alice is off']],
    ['both', ['motion on alice is on', 'motion on alice is off']],
  ] as const) {
    const prompt = '{{pin}} on {{node}} is {{value}}';
    const { made, assigned, edge, fired, listeners } = rig([{ pin: 'motion', edge: wanted, restSeconds: 0, prompt }]);
    made.start(assigned);
    edge(true);
    edge(false);
    t.same(fired, expected, wanted);
    made.stop('ada');
    t.equal(listeners.get('motion')?.size, 0);
    edge(true);
    t.equal(fired.length, expected.length);
  }
});

t.test('it rests, by itself for ten seconds, and while its task is under way', async (t) => {
  const { made, assigned, edge, fired, underWay, clock, busy } = rig([
    { pin: 'motion', edge: 'rising', prompt: 'Look.' },
  ]);
  made.start(assigned);
  busy(true);
  edge(true);
  t.equal(fired.length, 0, 'an agent that is busy is not asked');
  busy(false);
  edge(true);
  t.equal(fired.length, 1, 'and the next edge asks it');
  await clock.advance(9_999);
  edge(true);
  t.equal(fired.length, 1);
  await clock.advance(1);
  underWay.add('task-1');
  edge(true);
  t.equal(fired.length, 1);
  underWay.clear();
  edge(true);
  t.equal(fired.length, 2);
});

t.test('a pin that is not there is a trouble in words', async (t) => {
  const triggers: Trigger[] = [
    { pin: 'siren', edge: 'both', prompt: 'x' },
    { cron: '0 7 * * *', prompt: 'Morning.' },
  ];
  const { made, assigned } = rig(triggers);
  made.start(assigned);
  t.same(made.troubles(), ['pin siren of ada never fires: this node has no pin siren']);
  made.start(assigned);
  t.equal(made.troubles().length, 1, 'once, however often it starts');
  made.stopAll();
  t.same(made.troubles(), []);
  const none = createPinTriggers({
    node: 'a',
    pins: null,
    clock: new HandClock(),
    fire: () => null,
    isUnderWay: () => false,
  });
  none.start(assigned);
  t.match(none.troubles(), [/this node has no pin siren; its owner can list one/]);
});
