// An image for cards in a browser: brought from its three files, refused without a signature and without consent, and saved with a person's
// settings inside, which xz then finds at the place that the manifest names. No secret is in an address.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPersonalFile } from '@blackroad/protocol/personal-file';
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet } from '../fixtures/processes.ts';
import { noProgram } from '../fixtures/programs.ts';
import { sampleImage } from '../fixtures/sample-image.ts';
import { sampleKey } from '../fixtures/sample-release.ts';

const skip = noBrowser || noProgram('xz');

t.test('images in a browser', { skip, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  const folder = mkdtempSync(join(tmpdir(), 'images-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const ours = sampleKey();
  const keys = join(fleet.folder, 'coordinator/release-keys');
  mkdirSync(keys, { recursive: true });
  writeFileSync(join(keys, 'ours.pub'), ours.pub);
  // More than one part.
  const image = sampleImage(folder, ours, { storedBytes: 9 * 1024 * 1024 });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  const shot = async (name: string) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  };
  const open = (name: string) => page.getByRole('link', { name, exact: true }).first().click();

  await open('Releases');
  await page.getByText('None yet. make image').waitFor();
  await page.getByRole('button', { name: 'Add an image' }).click();
  await page.getByLabel('Image', { exact: true }).setInputFiles(image.download);
  await page.getByLabel('Manifest').setInputFiles(image.manifest);
  await page.getByRole('button', { name: 'Add it' }).click();
  await page.getByRole('alert').getByText('say that you take it unsigned').waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await page.getByLabel('Signature').setInputFiles(image.signature);
  await page.getByRole('button', { name: 'Add it' }).click();
  const table = page.getByRole('region', { name: 'Images for Raspberry Pi' });
  await table.getByText(ours.secret.name).waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('images');
  const plain = page.waitForEvent('download');
  await table.getByRole('link', { name: image.about.download.file }).click();
  t.ok(readFileSync(await (await plain).path()).equals(readFileSync(image.download)));

  await open('Fleet');
  await open('Add a node');
  await page.getByText('Labels, another address').click();
  await page.getByLabel('Address of the coordinator').fill('127.0.0.1');
  await page.getByRole('button', { name: 'Make the command' }).click();
  await page.getByRole('radio', { name: 'A Raspberry Pi to be flashed' }).click();
  await page.getByText('Image 0.2.0, signed by').waitFor();
  await page.getByLabel('Name of the Pi').fill('kitchen');
  await page.getByLabel('Wi-Fi network').fill('Home');
  await page.getByLabel('Wi-Fi password').fill('opensesame');
  await page.getByLabel('Country').fill('DE');
  await page.getByText('With Raspberry Pi Imager').click();
  await page.getByText(/^rpi-imager --repo http:\/\/.*\/imager\/os_list\.json$/).waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('wizard-image');
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: /^Save the image with it/ }).click();
  const saved = await coming;
  t.equal(saved.suggestedFilename(), image.about.download.file);
  const path = await saved.path();
  await page.getByText('The image for kitchen comes into your downloads').waitFor();
  const raw = execFileSync('xz', ['-dc'], { input: readFileSync(path), maxBuffer: 1e8 });
  t.equal(raw.length, image.raw.length);
  const { offset, bytes } = image.about.personalFile;
  const { file } = readPersonalFile(raw.subarray(offset, offset + bytes));
  t.match(file, { name: 'kitchen', country: 'DE', wifi: [{ name: 'Home', password: 'opensesame' }] });
  t.match(file?.join, /^brj1\./);
  t.ok(raw.subarray(offset + bytes).equals(image.raw.subarray(offset + bytes)), 'all else is as it was');
  for (const secret of [file?.join as string, 'opensesame'])
    t.notOk(
      asked.some((url) => url.includes(secret)),
      'no secret is in an address',
    );

  await page.setViewportSize({ width: 390, height: 844 });
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'nothing over the edge of a phone');
  await shot('wizard-image-phone');
  t.same(complaints, []);
});
