// Compares the table of fields of another version with the protocol: an older node can make all of its messages.
import { readdirSync, readFileSync } from 'node:fs';
import { decode, type TopicName, topics } from '@blackroad/protocol';
import t from 'tap';
import { asSaid, asTold, broughtSaid, broughtTold } from './versions.ts';

const folder = new URL('../../protocol/golden/', import.meta.url);
const golden = readdirSync(folder).map((file) => {
  const { topic, payload } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  return { file, name: file.split('.')[0] as TopicName, topic: topic as string, payload: JSON.stringify(payload) };
});
const read = (topic: string, payload: string) => {
  const decoded = decode(topic, Buffer.from(payload));
  if ('refused' in decoded) throw new Error(`${topic}: ${decoded.text}`);
  return decoded.message;
};

t.test('what this version brought may be left out, and is in a recorded message', async (t) => {
  for (const [table, as] of [
    [broughtSaid, (said: { topic: string; payload: string }) => asSaid('older', said)[0]?.payload],
    [broughtTold, (told: { topic: string; payload: string }) => asTold('older', told)],
  ] as const)
    for (const [name, fields] of Object.entries(table))
      for (const field of fields) {
        const named = golden.filter(
          (each) => each.name === name && valueAt(JSON.parse(each.payload), field) !== undefined,
        );
        t.ok(named.length > 0, `${name} has ${field} in a recording`);
        t.ok(
          golden.some((each) => each.name === name && valueAt(JSON.parse(each.payload), field) === undefined),
          `${name} is recorded without ${field}`,
        );
        for (const said of named) t.equal(valueAt(read(said.topic, as(said) ?? ''), field), undefined);
      }
});

t.test('what a newer node says is read, every message and the kind of event that it alone knows', async (t) => {
  for (const said of golden.filter(({ name }) => topics[name].writer === 'node'))
    for (const { topic, payload } of asSaid('newer', said)) {
      const message = read(topic, payload);
      if (said.name !== 'agentOut') t.ok('addedLater' in (message as object), said.file);
    }
});

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, field) => {
    const [first] = Array.isArray(at) ? at : [at];
    return (first as Record<string, unknown> | undefined)?.[field];
  }, value);
}
