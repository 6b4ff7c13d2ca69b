// Our list for Raspberry Pi Imager has the form that Imager publishes, for 1.x and for 2.x, and what both need to get as far as the image.
import { readFileSync } from 'node:fs';
import { type FleetImage, imagerList } from '@blackroad/protocol';
import t from 'tap';
import { Errors } from 'typebox/schema';
import { sampleImage } from '../fixtures/sample-image.ts';

const root = new URL('../..', import.meta.url).pathname;
const versions = ['1.9.6', '2.0.9'];
const schemaOf = (version: string) =>
  JSON.parse(readFileSync(`${root}test/fixtures/imager/os-list-${version}.schema.json`, 'utf8')) as object;
const faultsOf = (schema: object, value: unknown) => {
  const [fits, errors] = Errors(schema as never, value);
  return fits ? [] : errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
};

t.test("Imager's list", async (t) => {
  const { about } = sampleImage(t.testdir(), null);
  const image: FleetImage = { sha256: about.download.sha256, manifest: about, addedMs: 0, addedBy: 'key:ada' };
  const list = imagerList([image], {
    urlOf: () => 'http://127.0.0.1:8400/imager/x.img.xz',
    icon: 'icons/use_custom.png',
  });
  const [system] = list.os_list;
  t.same(system, {
    name: 'BlackRoad Fleet 0.2.0',
    description: 'Joins the fleet at its first start; node-agent 0.2.0',
    icon: 'icons/use_custom.png',
    url: 'http://127.0.0.1:8400/imager/x.img.xz',
    extract_size: about.image.bytes,
    extract_sha256: about.image.sha256,
    image_download_size: about.download.bytes,
    image_download_sha256: about.download.sha256,
    release_date: '2026-11-29',
    devices: ['pi3-64bit', 'pi4-64bit', 'pi5-64bit'],
    init_format: 'cloudinit',
    architecture: 'armv8',
  });
  t.match(list.imager.devices, [
    { name: 'Any Raspberry Pi', tags: { length: 0 }, default: true },
    { name: '3 B', tags: ['pi3-64bit'] },
    { name: '4 B, Compute Module 4', tags: ['pi4-64bit'] },
    { name: '5 (experimental)', tags: ['pi5-64bit'] },
  ]);
  for (const version of versions) {
    const schema = schemaOf(version);
    t.same(faultsOf(schema, list), [], version);
    t.same(faultsOf(schema, imagerList([], { urlOf: () => '', icon: '' })), [], `${version}: without an image`);
    // The check can fail.
    for (const field of ['url', 'extract_size', 'extract_sha256', 'release_date', 'devices'] as const) {
      const { [field]: _, ...less } = system as NonNullable<typeof system>;
      t.not(faultsOf(schema, { ...list, os_list: [less] }).length, 0, `${version}: without ${field}`);
    }
    const wrong = { ...list, os_list: [{ ...system, extract_size: '7' }] };
    t.not(faultsOf(schema, wrong).length, 0, `${version}: a size in words`);
  }
  const other = { ...list, os_list: [{ ...system, init_format: 'magic' }] };
  t.not(faultsOf(schemaOf('2.0.9'), other).length, 0, 'customisation of another kind');
});
