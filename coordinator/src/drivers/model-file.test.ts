// The operator's file of models on a real disk: read at the start, when it changed, and on demand.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KnownModel } from '@blackroad/protocol';
import { shippedModels } from '@blackroad/protocol/shipped-models';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { openModelFile } from './model-file.ts';

async function rig(t: Test, text?: string) {
  const dir = mkdtempSync(join(tmpdir(), 'models-'));
  const path = join(dir, 'models.yaml');
  if (text !== undefined) writeFileSync(path, text);
  const learned: (readonly KnownModel[])[] = [];
  const clock = new HandClock();
  const learn = async (models: readonly KnownModel[]) => void learned.push(models);
  const file = await openModelFile({ path, shipped: shippedModels, learn, clock, log: silentLog });
  t.teardown(() => {
    file.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const looked = async (isSo: () => boolean) => {
    for (let i = 0; i < 200 && !isSo(); i++) {
      await clock.advance(3000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { path, learned, file, looked, names: () => learned.at(-1)?.map(({ name }) => name) ?? [] };
}

t.test(
  'without a file the catalogue is that of the project; a file that comes is read, one that goes is taken back',
  async (t) => {
    const { path, learned, file, looked, names } = await rig(t);
    t.same(learned, [shippedModels]);
    t.equal(file.state(), null);
    writeFileSync(path, 'models:\n  - { name: house:1b, sizeGB: 1 }\n  - { name: bad }\n');
    await looked(() => names().includes('house:1b'));
    t.ok(names().includes('house:1b'));
    t.match(file.state(), { path, faults: [/models\.yaml:3: models\.1\.sizeGB/] });
    t.same(await file.reload(), { models: shippedModels.length + 1, faults: file.state()?.faults ?? [] });
    const { length } = learned;
    await looked(() => true);
    t.equal(learned.length, length, 'an unchanged file is not read again');
    rmSync(path);
    await looked(() => file.state() === null);
    t.same(learned.at(-1), shippedModels);
  },
);

t.test('a file that cannot be read changes nothing, and says why', async (t) => {
  const { path, learned, file } = await rig(t, 'models:\n  - { name: house:1b, sizeGB: 1 }\n');
  const before = learned.length;
  rmSync(path);
  mkdirSync(path);
  chmodSync(path, 0o700);
  const { faults, models } = await file.reload();
  t.equal(faults.length, 1);
  t.equal(models, shippedModels.length + 1);
  t.equal(learned.length, before);
  rmSync(path, { recursive: true });
  writeFileSync(path, `# ${'x'.repeat(1024 ** 2)}`);
  t.match((await file.reload()).faults, [/expected at most 1048576 bytes/]);
});
