// Every file made from the protocol's tables: its path in the repository and its text. In: the tables (imported) and the repository's root,
// to read the version and the reasons of the limits. Writes nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as limits from '../limits.ts';
import { topics } from '../topics.ts';
import { emqxAcl, mosquittoAcl } from './acl.ts';
import { asyncApi } from './asyncapi.ts';
import { limitRows } from './limits-table.ts';
import { protocolPage } from './markdown.ts';
import { openApi } from './openapi.ts';

export function documents(root: string): Record<string, string> {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const recorded = readdirSync(join(root, 'protocol/golden')).sort();
  // Some topics have several forms and no plain one.
  const firstOf = (name: string) =>
    recorded.find((file) => file === `${name}.v1.json`) ?? recorded.find((file) => file.startsWith(`${name}.`));
  const examples = Object.fromEntries(
    Object.keys(topics).map((name) => [name, JSON.parse(read(`protocol/golden/${firstOf(name)}`))]),
  );
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'docs/protocol.md': protocolPage(limitRows(read('protocol/src/limits.ts'), limits)),
    'docs/asyncapi.json': json(asyncApi(version, examples)),
    'docs/openapi.json': json(openApi(version)),
    'docs/acl/mosquitto.acl': mosquittoAcl(),
    'docs/acl/emqx.conf': emqxAcl(),
  };
}
