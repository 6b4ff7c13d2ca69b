// Pins of a board in real processes, on simulated lines: a motion sensor wakes an agent where its pins are, refusals in the words that an agent gets,
// two agents at one pin, a pin that another program has, the button that drains, and what people see of all that.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { startModelServer } from '../fixtures/model-server.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { agentOf, ask, nodeOf, ready } from '../fixtures/steps.ts';

t.setTimeout(180_000);

t.test('pins of a node: agents, triggers, the light and the button', async (t) => {
  const server = await startModelServer();
  t.teardown(() => server.close());
  const fleet = await startFleet(t);
  const lines = join(fleet.folder, 'lines');
  mkdirSync(lines);
  const file = join(fleet.folder, 'pins.yaml');
  writeFileSync(
    file,
    `backend: simulated
folder: ${lines}
pins:
  - { name: motion, line: 17, direction: in, pull: down }
  - { name: lamp, line: 27, direction: out }
  - { name: bell, line: 5, direction: out }
  - { name: far, line: 99, direction: in }
  - { name: light, line: 22, direction: out, role: identify }
  - { name: button, line: 23, direction: in, pull: up, activeLow: true, role: drain }
`,
    { mode: 0o600 },
  );
  writeFileSync(join(lines, '5.held'), 'chime');
  const set = (line: number, high: boolean) => writeFileSync(join(lines, String(line)), high ? '1' : '0');
  const isHigh = (line: number) => readFileSync(join(lines, String(line)), 'utf8').startsWith('1');
  const { client } = fleet;
  await fleet.runNode('spare', { class: 'pi', extra: ['--openai', server.url] });
  await fleet.runNode('board', { class: 'pi', extra: ['--openai', server.url, '--pins', file] });

  await t.test('an agent goes where its pins are, and a person sees why not elsewhere', async (t) => {
    await fleet.apply({
      name: 'porter',
      tools: [{ tool: 'gpio', pins: ['motion', 'lamp', 'bell'] }],
      triggers: [{ pin: 'motion', edge: 'rising', restSeconds: 1, prompt: 'call gpio_write {"pin":"lamp","on":true}' }],
    });
    await ready(fleet, 'porter', 'board');
    const typed = fleet.apply({ name: 'lost', tools: [{ tool: 'gpio', pins: ['siren'] }] });
    await t.rejects(typed, {
      message: /tools\.0\.pins\.0: expected a pin that the owner of a node lists: bell, lamp or motion/,
    });
    const elsewhere = { nodes: ['spare'] };
    await fleet.apply({ name: 'lost', tools: [{ tool: 'gpio', pins: ['motion'] }], placement: elsewhere as never });
    const { unplaced } = await until('it is said why', async () => {
      const view = await agentOf(fleet, 'lost');
      return view.unplaced && view;
    });
    t.match(unplaced?.text, /no node named spare has pin motion/);
    const board = unplaced?.refused.find(({ filter }) => filter === 'board');
    t.match(board?.text, /spare: needs pin motion, which it does not have/);
    t.match(unplaced?.fix.flat(), [{ verb: /list-pins|edit-agent/ }]);
  });

  await t.test('an edge wakes the agent, which switches the lamp', async (t) => {
    t.notOk(isHigh(27));
    set(17, true);
    await until('the lamp is on', async () => isHigh(27));
    const page = await until('people see it', async () => {
      const { health } = await nodeOf(fleet, 'board');
      const lamp = health?.pins?.find(({ name }) => name === 'lamp');
      return lamp?.on === true && health;
    });
    t.match(page?.pins, [
      { name: 'motion', on: true },
      { name: 'lamp', on: true, holder: 'porter' },
    ]);
    set(17, false);
  });

  await t.test('each refusal is in words that an agent can use', async (t) => {
    const answer = async (agent: string, call: string) => (await ask(fleet, agent, call)).result;
    t.match(
      await answer('porter', 'call gpio_write {"pin":"siren","on":true}'),
      /Refused: siren is not a pin that you may use\. Your pins: motion, lamp, bell\./,
    );
    t.match(
      await answer('porter', 'call gpio_write {"pin":"motion","on":true}'),
      /motion is an input and cannot be set/,
    );
    t.match(await answer('porter', 'call gpio_read {"pin":"motion"}'), /motion is off\./);
    t.match(
      await answer('porter', 'call gpio_write {"pin":"bell","on":true}'),
      /Refused: pin bell: chime has line 5 of simulated\. Your other pins here: motion, lamp\./,
    );
    await fleet.apply({ name: 'scout', tools: [{ tool: 'gpio', pins: ['lamp'] }] });
    await ready(fleet, 'scout', 'board');
    t.match(await answer('scout', 'call gpio_write {"pin":"lamp","on":false}'), /Refused: porter holds lamp/);
    t.ok(isHigh(27), 'the lamp stays as it was');
    const watched = answer('porter', 'call gpio_watch {"pin":"motion","edge":"rising","seconds":20}');
    await pause(1_000);
    set(17, true);
    t.match(await watched, /motion went on\./);
    set(17, false);
  });

  await t.test(
    'a pin that is missing or held is said on the page of the node, and taken when it is free',
    async (t) => {
      const { info, capacity } = await nodeOf(fleet, 'board');
      t.equal(info?.pinsBy, 'simulated');
      t.match(info?.notes.join('\n'), /Pin bell: chime has line 5 of simulated/);
      t.match(info?.notes.join('\n'), /Pin far: There is no line 99 on simulated/);
      t.same(capacity?.board?.pins, ['motion', 'lamp', 'bell']);
      rmSync(join(lines, '5.held'));
      await until(
        'the bell is free',
        async () => {
          const view = await nodeOf(fleet, 'board');
          return view.info?.pins?.find(({ name }) => name === 'bell')?.problem === undefined;
        },
        60_000,
      );
    },
  );

  await t.test('the light blinks, and the button drains the node and takes that back', async (t) => {
    const { text } = await client.call('nodeIdentify', { params: { node: 'board' } });
    t.match(text, /Pin light blinks for 10 s\./);
    await until('the light is lit', async () => isHigh(22));
    await until('the light is dark', async () => !isHigh(22));
    await pause(11_000);
    t.notOk(isHigh(22));
    const drains = (wanted: boolean) =>
      until(`draining is ${wanted}`, async () => (await nodeOf(fleet, 'board')).draining === wanted);
    set(23, false);
    await drains(true);
    set(23, true);
    await until('the light is lit', async () => isHigh(22));
    await pause(500);
    t.ok(isHigh(22), 'and stays so');
    set(23, false);
    await drains(false);
    set(23, true);
    await until('the light is dark', async () => !isHigh(22));
    const rows = (await client.call('audit', { query: { limit: 50 } })).filter(({ action }) => /drain/.test(action));
    t.same(
      rows.map(({ actor, action }) => [actor, action]),
      [
        ['node:board', 'node-undrain'],
        ['node:board', 'node-drain'],
      ],
    );
  });
});
