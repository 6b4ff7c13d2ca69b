// A picture of a fleet in Home Assistant, for docs/home-assistant.md: PART=home-assistant:picture. Needs Chromium beside the rest.
import { chromium } from 'playwright-core';
import { type Cast, looker, uniqueId } from './story.ts';

const picture = new URL('../../../docs/pictures/home-assistant.png', import.meta.url).pathname;

export async function takePicture({ stage, home, prove }: Cast): Promise<void> {
  const { ids } = await stage.nodes('home', 5, ['--profile', 'home']);
  await stage.apply({ name: 'greeter', homeAssistant: true });
  const [node] = ids as [string];
  await home.addMqtt(stage.broker);
  await prove(
    'the nodes are there',
    60_000,
    looker(
      home,
      ids.map((id) => uniqueId(`node-${id}`, 'temperature')),
    ),
  );
  const device = (await home.devices()).find(({ name }) => name === node);
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 }, colorScheme: 'dark' });
    const tokens = { ...home.signedIn, token_type: 'Bearer', expires_in: 1800, expires: Date.now() + 1_800_000 };
    await page.goto(`${home.url}/manifest.json`);
    await page.evaluate((text) => localStorage.setItem('hassTokens', text), JSON.stringify(tokens));
    await page.goto(`${home.url}/config/devices/device/${device?.id}`);
    await page.getByText('Temperature').first().waitFor({ timeout: 60_000 });
    // Its icons come after the text.
    await page.waitForTimeout(5_000);
    await page.screenshot({ path: picture });
  } finally {
    await browser.close();
  }
}
