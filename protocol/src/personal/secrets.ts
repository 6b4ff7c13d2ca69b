// The personal file without what must not stay on a card that anybody can read: the join token and the passwords of networks. What a person wrote
// beside them stays. In: the bytes of a file that was read without a fault. Out: its text, or null where there is no secret in it. Pure.
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { handwriting } from './handwriting.ts';
import { within } from './within.ts';

export function withoutSecrets(bytes: Uint8Array, { under }: { under?: string } = {}): string | null {
  const { text } = handwriting(bytes);
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, uniqueKeys: false });
  const wiped: [from: number, to: number][] = [];
  const wipe = (map: unknown, name: string) => {
    if (!isMap(map)) return;
    for (const { key, value } of map.items)
      if (isScalar(key) && plain(key.value) === name && isScalar(value) && value.range && value.value)
        wiped.push([value.range[0], value.range[1]]);
  };
  const root = within(document, under);
  wipe(root, 'join');
  if (isMap(root))
    for (const { key, value } of root.items)
      if (isScalar(key) && plain(key.value) === 'wifi')
        for (const network of isSeq(value) ? value.items : [value]) wipe(network, 'password');
  if (wiped.length === 0) return null;
  const parts: string[] = [];
  let at = 0;
  for (const [from, to] of wiped.sort(([a], [b]) => a - b)) {
    parts.push(text.slice(at, from));
    at = to;
  }
  return [...parts, text.slice(at)].join('').replace(/[ ]+$/gm, '').replaceAll('\n', '\r\n');
}

const plain = (name: unknown) =>
  String(name ?? '')
    .toLowerCase()
    .replace(/[\s_-]/g, '');
