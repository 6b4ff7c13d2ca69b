// What the version before this one reads: the schemas of its messages, out of its AsyncAPI document. `node test/compat/previous.ts` writes them
// down anew from the commit that stands first in earlier.ts.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { TSchema } from '@blackroad/protocol';
import { earlier } from './earlier.ts';

const root = resolve(import.meta.dirname, '../..');
const file = new URL('./previous.json', import.meta.url);

interface Previous {
  commit: string;
  messages: Record<string, { payload: object; 'x-max-bytes': number }>;
  schemas: object;
}
export interface EarlierReader {
  schema: TSchema;
  maxBytes: number;
}

/** By the names of topics. */
export function previousReaders(): { commit: string; readers: Map<string, EarlierReader> } {
  const { commit, messages, schemas } = JSON.parse(readFileSync(file, 'utf8')) as Previous;
  const readers = Object.entries(messages).map(([name, { payload, 'x-max-bytes': maxBytes }]) => {
    const schema = { ...payload, components: { schemas } } as unknown as TSchema;
    return [name, { schema, maxBytes }] as const;
  });
  return { commit, readers: new Map(readers) };
}

if (import.meta.main) {
  const [{ commit }] = earlier;
  const text = execFileSync('git', ['-C', root, 'show', `${commit}:docs/asyncapi.json`], { encoding: 'utf8' });
  const { components } = JSON.parse(text) as { components: Omit<Previous, 'commit'> };
  const bare = Object.fromEntries(
    Object.entries(components.messages).map(([name, message]) => [
      name,
      { payload: message.payload, 'x-max-bytes': message['x-max-bytes'] },
    ]),
  );
  writeFileSync(file, `${JSON.stringify({ commit, messages: bare, schemas: components.schemas })}\n`);
}
