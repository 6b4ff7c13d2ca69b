// The node `fleet event` over MQTT 5 in the real Node-RED: what a node of the fleet tells comes by the door for people, each once, also where the
// coordinator was killed in the middle; a wrong key, and one that may not read, stand in its status. In: the cast. Out: a line a claim.

import { until } from '../../fixtures/until.ts';
import { type BenchAnswer, benchFlow } from './bench-flow.ts';
import { nodeIsBack } from './node-is-back.ts';
import type { Cast } from './story.ts';

interface Said {
  topic: string;
  payload: { kind?: string; type?: string; text: string; node?: string; id?: number | null };
}
const over = 'over MQTT 5: ';

export async function heardOverMqtt(cast: Cast): Promise<void> {
  const { red, prove, stage, node, people } = cast;
  await red.deploy(benchFlow(people));
  await until(() => red.isWell('events'));
  const from = red.debugged.length;
  const said = (id: string) => red.said(id, from) as Said[];
  let models = 0;
  /** The node tells that each is there. Resolves with the sentences. */
  const fetched = async (count: number): Promise<string[]> => {
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const model = `sim-tell-${++models}`;
      await stage.client.call('nodePull', { params: { node }, body: { model } });
      texts.push(`${model} is here`);
    }
    return texts;
  };
  const heard = () =>
    said('events-said')
      .filter(({ topic }) => topic === 'model-pulled')
      .map(({ payload }) => payload.text);

  const before = await fetched(10);
  await prove(`${over}events come, each once and in order`, 5_000, async () => {
    const isIt = heard().join() === before.join();
    return isIt || `${heard().length} of ${before.length}: ${heard().join()}`;
  });
  await prove(`${over}an event names its node, and has no number`, 0, async () => {
    const [first] = said('events-said').filter(({ topic }) => topic === 'model-pulled');
    const { payload } = first as Said;
    return (payload.node === node && payload.id === null && payload.type === 'model-pulled') || JSON.stringify(first);
  });

  // Killed while the node tells of these: it tells again what was not acknowledged.
  const amid = await fetched(5);
  await stage.restartCoordinator();
  await nodeIsBack(cast);
  await until(() => red.isWell('events'));
  const after = await fetched(10);
  await prove(`${over}events come after the coordinator was killed, and none comes twice`, 10_000, async () => {
    const got = heard();
    const rest = got.slice(before.length, got.length - after.length);
    const isIt =
      got.slice(0, before.length).join() === before.join() &&
      got.slice(-after.length).join() === after.join() &&
      rest.every((text) => amid.includes(text)) &&
      new Set(got).size === got.length;
    return isIt || got.join();
  });
  await prove(`${over}the second output tells of the time without a connection`, 1_000, async () => {
    const told = said('troubles-said');
    const topics = told.map(({ topic }) => topic).join();
    const gap = told.find(({ topic }) => topic === 'not-told')?.payload.text ?? '';
    return (
      (/^(trouble,)+not-told,back$/.test(topics) && /there was no connection for \d+ s/.test(gap)) ||
      `${topics}: ${gap}`
    );
  });

  const refused = async (claim: string, key: string, status: string, kind: string, words: RegExp) => {
    const start = red.debugged.length;
    await red.deploy(benchFlow({ ...people, key }));
    await prove(
      `${over}${claim}: the status of the event node, its second output and catch say it`,
      5_000,
      async () => {
        const told = (red.said('troubles-said', start) as Said[]).map(({ payload }) => payload);
        const isTold = told.some((trouble) => trouble.kind === kind && words.test(trouble.text));
        const isCaught = JSON.stringify(red.said('caught-said', start)).match(words) !== null;
        return (
          (red.statusOf('events') === status && isTold && isCaught) ||
          `${red.statusOf('events')}; ${JSON.stringify(told)}; caught: ${isCaught}`
        );
      },
    );
  };
  const wrong = `${people.key.slice(0, -4)}0000`;
  await refused('a wrong key', wrong, 'wrong key', 'wrong-key', /does not know this key/);
  const { key } = await stage.client.call('keyCreate', { body: { name: 'asks-alone', role: 'client' } });
  await refused('a key that may not read events', key, 'no permission', 'no-permission', /This key may read .* with /);
  await prove(`${over}that key asks all the same, in the same flow`, 10_000, async () => {
    const got = await red.call<BenchAnswer>('POST', '/ask', { payload: 'Who is there?' });
    return (got.output === 'answer' && red.statusOf('events') === 'no permission') || JSON.stringify(got);
  });
}
