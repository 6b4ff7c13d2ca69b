// The drain button: what is asked of the coordinator, how often, and what the light shows.
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { DrainButton } from './drain-button.ts';

function rig(connected = true) {
  const clock = new HandClock();
  const asked: boolean[] = [];
  const light: string[] = [];
  const board = {
    onHeld: () => {},
    showDraining: (is: boolean) => void light.push(is ? 'lit' : 'dark'),
    showAsked: () => void light.push('asking'),
    endAsked: () => void light.push('answered'),
  };
  const asks = { forDrain: (draining: boolean) => void asked.push(draining) };
  const button = new DrainButton({ board, asks, transport: { connected }, clock, log: silentLog });
  return { button, hold: () => board.onHeld(), asked, light, clock };
}

t.test('it asks for the drain, and held again for its end', async (t) => {
  const { button, hold, asked, light, clock } = rig();
  button.heard(false);
  hold();
  hold();
  t.same(asked, [true], 'a second hold before the answer asks nothing');
  button.heard(true);
  await clock.advance(60_000);
  hold();
  button.heard(false);
  t.same(asked, [true, false]);
  t.same(light, ['dark', 'asking', 'answered', 'lit', 'asking', 'answered', 'dark']);
});

t.test('it asks three times, then gives up', async (t) => {
  const { hold, asked, light, clock } = rig();
  hold();
  await clock.advance(60_000);
  t.same(asked, [true, true, true]);
  t.same(light, ['asking', 'answered']);
  hold();
  t.equal(asked.length, 4, 'and asks when it is held again');
});

t.test('without the coordinator nothing is asked, now or later', async (t) => {
  const { button, hold, asked, light, clock } = rig(false);
  hold();
  await clock.advance(60_000);
  t.same([asked, light], [[], []]);
  button.heard(undefined);
  t.same(light, [], 'an older coordinator says nothing');
  button.heard(true);
  t.same(light, ['lit'], 'what a person ordered is shown');
  button.stop();
});
