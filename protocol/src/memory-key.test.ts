// Keys of values, and how an entry with a key reads.
import t from 'tap';
import { Check } from 'typebox/schema';
import { MemoryKey } from './ids.ts';
import type { MemoryPayload } from './memory.ts';
import { entryText, keyIn, keyOf, keySet, shownText } from './memory-key.ts';

t.test('what is a key', (t) => {
  const cases: [string, string | null][] = [
    [' wifi password ', 'wifi password'],
    ['e\u0301', '\u00e9'],
    ['x'.repeat(100), 'x'.repeat(100)],
    ['🦊'.repeat(100), '🦊'.repeat(100)],
    ['.env', '.env'],
    ['a/b?c#d%', 'a/b?c#d%'],
    ['', null],
    ['   ', null],
    ['.', null],
    ['..', null],
    ['...', null],
    ['a\nb', null],
    ['a\u0085b', null],
    ['x'.repeat(101), null],
  ];
  for (const [typed, key] of cases) {
    t.equal(keyOf(typed), key, JSON.stringify(typed.slice(0, 20)));
    t.equal(Check(MemoryKey, typed), typed.normalize('NFC') === key, `${JSON.stringify(typed.slice(0, 20))} as it is`);
  }
  t.equal(keyOf('a\ud800'), 'a\ufffd', 'half a sign is none');
  t.end();
});

t.test('which entries set a key, and how they read', (t) => {
  const entry = (kind: string, more: Partial<MemoryPayload>) => ({
    ...{ kind, actorId: 'node:aria' },
    payload: { text: 'red', tags: [], importance: 0, source: '', derivedFrom: [], embedding: null, ...more },
  });
  const rows: [ReturnType<typeof entry>, string | null, string | null, string, string][] = [
    [entry('note', {}), null, null, 'red', 'red'],
    [entry('turn', { key: 'door' }), null, null, 'door: red', 'door: red'],
    [entry('value', { key: 'door' }), 'door', 'door', 'door: red', 'door: red'],
    [entry('value', { key: 'door', text: '' }), 'door', 'door', '', 'door is unset'],
    [entry('import', { key: 'door' }), 'door', 'door', 'door: red', 'door: red'],
    [entry('merge', { key: 'door', holds: true }), 'door', 'door', 'door: red', 'door: red'],
    ...[{ key: 'door', holds: false }, { key: 'door' }].map(
      (aside): [ReturnType<typeof entry>, string, null, string, string] => [
        ...([entry('merge', aside), 'door', null] as const),
        'door: red (set on aria while it was away)',
        'door: red (set on aria while it was away)',
      ],
    ),
  ];
  for (const [each, about, sets, shown, inLog] of rows) {
    const name = `${each.kind} ${JSON.stringify(each.payload)}`;
    t.same([keyIn(each), keySet(each), shownText(each), entryText(each)], [about, sets, shown, inLog], name);
  }
  t.equal(entryText({ kind: 'value', actorId: 'a', payload: null }), null);
  t.end();
});
