// The table of fields in docs/personal-file.md, from the schema. `node test/contract/personal-page.ts` writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { PersonalFile } from '@blackroad/protocol/personal-file';

export const personalPagePath = new URL('../../docs/personal-file.md', import.meta.url).pathname;

interface Field {
  type?: string;
  description?: string;
  properties?: Record<string, Field>;
  items?: Field;
}
const rowsOf = (fields: Record<string, Field>, before: string): string[] =>
  Object.entries(fields).flatMap(([name, { type, description = '', properties, items }]) => {
    const inner = properties ?? items?.properties ?? {};
    const kind = { boolean: 'yes or no', array: inner === items?.properties ? 'one, or a list' : 'a list' }[type ?? ''];
    return [
      `| \`${before}${name}\` | ${[description, kind && `(${kind})`].filter(Boolean).join(' ')} |`,
      ...rowsOf(inner, `${before}${name}.`),
    ];
  });

export function renderPersonalPage(page: string): string {
  const { properties } = PersonalFile as unknown as { properties: Record<string, Field> };
  const table = ['| setting | what it is |', '|---|---|', ...rowsOf(properties, '')].join('\n');
  return page.replace(/(<!-- fields -->\n)[\s\S]*(\n<!-- end of fields -->)/, `$1${table}$2`);
}

if (import.meta.main) writeFileSync(personalPagePath, renderPersonalPage(readFileSync(personalPagePath, 'utf8')));
