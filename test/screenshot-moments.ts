// Pictures of moments, which no address alone shows: a drain about to be confirmed, a machine that joined without a model, a code for a
// phone, figures that are large. In: a browser and a way to take a picture; each moment brings a fleet of its own.
import type { NodeCapacity } from '@blackroad/protocol';
import type { Browser, Page } from 'playwright-core';
import { createClient } from '../coordinator/cli/src/client.ts';
import { visit } from './fixtures/browser.ts';
import { openApiFleet } from './fixtures/coordinator/api-fleet.ts';
import { shootWizard } from './screenshot-wizard.ts';

const consoleDir = new URL('../coordinator/console/dist', import.meta.url).pathname;
const size = { width: 1280, height: 800 };
const mib = 1024 ** 2;
type Shoot = (page: Page, name: string) => Promise<void>;

export async function shootMoments(browser: Browser, shoot: Shoot): Promise<void> {
  const fleet = await openApiFleet({ consoleDir, boundTo: '0.0.0.0', publicHost: '192.168.1.20' });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const { page, complaints } = await visit(browser, { client }, size);
  const { origin } = new URL(page.url());
  try {
    await fleet.node('alice');
    const vm = await fleet.node('vm');
    const { capacity } = fleet.coordinator.view.live.get('vm') as unknown as { capacity: NodeCapacity };
    for (const [name, nodes] of [
      ['greeter', []],
      ['cipher', ['alice']],
      ['echo', ['vm']],
    ] as const) {
      const body = { name, model: ['tiny'], instructions: 'Answer.', placement: { nodes } };
      await fleet.call('PUT', `/v1/agents/${name}`, { body });
    }

    await page.goto(`${origin}/nodes/alice`);
    await page.getByRole('button', { name: 'Drain', exact: true }).click();
    await page.getByText('See the whole plan').waitFor();
    await shoot(page, 'drain-question');

    await page.goto(`${origin}/keys`);
    await page.getByRole('button', { name: 'Sign in elsewhere' }).click();
    await page.getByRole('img', { name: 'The address as a QR code' }).waitFor();
    await shoot(page, 'sign-in-code');

    await page.route('**/v1/nodes/*/history*', (route) => {
      const metric = new URL(route.request().url()).searchParams.get('metric') as string;
      const from = Date.now() - 50 * 60_000;
      const value = (i: number) =>
        metric.startsWith('network')
          ? (95 + 40 * Math.sin(i / 6)) * mib
          : metric === 'diskWritten'
            ? 1.5 * mib ** 2
            : 0.5;
      const points = Array.from({ length: 50 }, (_, i) => [
        from + i * 60_000,
        value(i) * 0.9,
        value(i),
        value(i) * 1.1,
      ]);
      return route.fulfill({ json: { metric, range: 'hour', resolutionS: 60, points } });
    });
    const { health } = fleet.coordinator.view.live.get('alice') as unknown as { health: object };
    const network = { receivedBytesPerS: 100 * mib, sentBytesPerS: 90 * mib };
    vm.say('nodeHealth', {}, { ...health, network, boot: capacity.boot } as never);
    await page.goto(`${origin}/nodes/vm`);
    const received = page.getByRole('region', { name: 'Received' });
    await received.scrollIntoViewIfNeeded();
    await shoot(page, 'large-figures');
    await page.unroute('**/v1/nodes/*/history*');

    const model = 'qwen2.5-1.5b-instruct';
    const empty: Partial<NodeCapacity> = {
      models: [],
      defaultChat: null,
      pulls: ['llama'],
      fetchable: [model, 'smollm2-135m-instruct'],
      noModel: 'the network was away when it joined',
    };
    vm.say('nodeCapacity', {}, { ...capacity, ...empty });
    await page.goto(`${origin}/nodes/vm`);
    await page.getByRole('button', { name: `Fetch ${model}` }).waitFor();
    await shoot(page, 'node-without-model');
    const fetch = { model, status: 'downloading', completedBytes: 448 * mib, totalBytes: 1065 * mib };
    vm.say('nodeCapacity', {}, { ...capacity, ...empty, fetches: [fetch] });
    await page.getByText('42 %, 448 MiB of 1.0 GiB').waitFor();
    await shoot(page, 'node-fetching-model');
    await shootWizard(page, fleet, shoot);
    if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join('\n')}`);
  } finally {
    await page.close();
    await fleet.close();
  }
}
