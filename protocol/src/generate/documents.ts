// Every file made from the protocol's tables: its path in the repository and its text. In: the tables (imported) and the repository's root,
// to read the version and the reasons of the limits. Writes nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as limits from '../limits.ts';
import { emqxAcl, mosquittoAcl } from './acl.ts';
import { asyncApi } from './asyncapi.ts';
import { limitRows } from './limits-table.ts';
import { protocolPage } from './markdown.ts';
import { openApi } from './openapi.ts';

export function documents(root: string): Record<string, string> {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'docs/protocol.md': protocolPage(limitRows(read('protocol/src/limits.ts'), limits)),
    'docs/asyncapi.json': json(asyncApi(version)),
    'docs/openapi.json': json(openApi(version)),
    'docs/acl/mosquitto.acl': mosquittoAcl(),
    'docs/acl/emqx.conf': emqxAcl(),
  };
}
