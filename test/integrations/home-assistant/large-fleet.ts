// A thousand nodes in the real Home Assistant: simulated ones in one process, whose messages are real, and a coordinator whose event loop is
// watched meanwhile. In: the stage. Out: claims.
import type { Stage } from './stage.ts';
import { type Cast, keysOf, looker, uniqueId, warnings } from './story.ts';

const count = 1_000;
const longestHoldMs = 50;

export async function largeFleet({ stage, home, prove, say }: Cast & { say: (line: string) => void }) {
  const { ids } = await stage.nodes('many', count);
  const devices = await metric(stage, 'blackroad_home_assistant_devices');
  await prove(`the coordinator has a device for each of ${count} nodes`, 60_000, async () => {
    const now = await metric(stage, 'blackroad_home_assistant_devices');
    return now > count || `${now} devices (${devices} at first)`;
  });
  const expected = ids.flatMap((id) => keysOf('node').map((key) => uniqueId(`node-${id}`, key)));
  const fromMs = Date.now();
  const before = home.cpuS();
  await home.addMqtt(stage.broker);
  await prove(`all ${expected.length} entities are there`, 60_000, looker(home, expected));
  say(`Home Assistant used ${(home.cpuS() - before).toFixed(0)} s of processor for them`);
  const births = () => metric(stage, 'blackroad_home_assistant_births_total');
  await prove('Home Assistant has announced itself', 60_000, async () => (await births()) === 1);
  // What follows that: everything over a window, and once more.
  await new Promise((resolve) => setTimeout(resolve, 45_000));
  const longest = Math.max(0, ...stage.holdsMs(fromMs));
  await prove(
    `the event loop was never held longer than ${longestHoldMs} ms (${longest.toFixed(0)} ms at most)`,
    0,
    async () =>
      longest <= longestHoldMs ||
      `longest first: ${stage
        .holdsMs(fromMs)
        .sort((a, b) => b - a)
        .slice(0, 8)}`,
  );
  await stage.client.call('nodeEdit', { params: { node: ids[0] as string }, body: { cordoned: true } });
  const cordon = (await home.entities()).find(({ unique_id }) => unique_id === uniqueId(`node-${ids[0]}`, 'cordon'));
  await prove('a cordon shows there', 1_000, async () => (await home.state(cordon?.entity_id ?? ''))?.state === 'on');
  await prove(
    'the mqtt integration has warned of nothing',
    0,
    async () => warnings(home.log()).length === 0 || warnings(home.log()).slice(0, 5).join('\n'),
  );
}

async function metric(stage: Stage, name: string): Promise<number> {
  const text = await stage.metrics();
  const found = new RegExp(`^${name} ([0-9.e+-]+)$`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`there is no metric ${name}`);
  return Number(found);
}
