// Pictures of the wizard for a card: what is typed, and the first start as it happens. In: a fleet with its console, a way to take a picture.
import { imageFormat, type JoinTokenCreated } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Page } from 'playwright-core';
import type { ApiFleet } from './fixtures/coordinator/api-fleet.ts';

const mb = 1e6;
/** As one that was built, so that its sizes are not those of a sample. */
function builtImage() {
  const [version, name] = ['0.1.0', 'blackroad-pi-image-0.1.0-arm64'];
  const file = (ending: string, bytes: number) => ({ file: `${name}.${ending}`, bytes, sha256: sha256Hex(ending) });
  return {
    sha256: sha256Hex('img.xz'),
    manifest: {
      ...{ format: imageFormat, name: 'blackroad-pi-image', version, commit: 'c', built: '2026-11-29T15:00:00Z' },
      ...{ arch: 'arm64', suite: 'trixie', partitions: [], boards: [], initFormat: 'cloudinit' },
      image: file('img', 1514 * mb),
      download: file('img.xz', 375 * mb),
      personalFile: { path: 'blackroad.yaml', offset: 0, bytes: 1 },
      personalStream: { offset: 0, bytes: 1 },
      nodeAgent: { version, sha256: sha256Hex(version) },
    },
    keyId: 'D90D0423C2E522F8',
    addedMs: systemClock.nowMs(),
    addedBy: 'key:admin',
  };
}

export async function shootWizard(page: Page, fleet: ApiFleet, shoot: (page: Page, name: string) => Promise<void>) {
  const { origin } = new URL(page.url());
  const images = { images: [builtImage()], imager: 'http://127.0.0.1:8400/imager/os_list.json', keysFolder: '' };
  await page.route('**/v1/images', (route) => route.fulfill({ json: images }));
  const made = page.waitForResponse(
    (answer) => answer.url().endsWith('/v1/join-tokens') && answer.request().method() === 'POST',
  );
  await page.goto(`${origin}/nodes/add`);
  await page.getByRole('button', { name: 'Make the command' }).click();
  const { token } = (await (await made).json()) as JoinTokenCreated;
  await page.getByRole('radio', { name: 'A Raspberry Pi to be flashed' }).click();
  await page.getByLabel('Name of the Pi').fill('kitchen');
  await page.getByLabel('Time zone').fill('Europe/Berlin');
  await page.getByLabel('Wi-Fi network').fill('Home');
  await page.getByLabel('Wi-Fi password').fill('correct horse');
  await page.getByLabel('Country').fill('DE');
  await shoot(page, 'wizard-card');
  await fleet.call('POST', '/v1/first-boots', {
    key: token,
    body: {
      board: 'a'.repeat(16),
      name: 'kitchen',
      steps: [
        { step: 'started', text: 'read blackroad.yaml' },
        { step: 'grown', text: '31.4 GB' },
        { step: 'set', text: 'name, time zone, Wi-Fi' },
        { step: 'online', text: 'Wi-Fi "Home"' },
      ],
    },
  });
  const boots = page.getByRole('region', { name: 'First start' });
  await boots.getByText('31.4 GB').waitFor();
  await boots.scrollIntoViewIfNeeded();
  await shoot(page, 'wizard-first-start');
  await page.unroute('**/v1/images');
}
