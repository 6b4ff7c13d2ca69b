// The tables of entities in docs/home-assistant.md, from the table of components. `node test/contract/home-assistant-page.ts` writes them.
import { readFileSync, writeFileSync } from 'node:fs';
import { componentsOf, type DeviceKind } from '../../coordinator/src/home-assistant/components.ts';

export const homeAssistantPagePath = new URL('../../docs/home-assistant.md', import.meta.url).pathname;

const titles: Record<DeviceKind, string> = { node: 'A node', fleet: 'The fleet', agent: 'An agent that asks for it' };

function tableOf([kind, title]: [DeviceKind, string]): string {
  const rows = Object.entries(componentsOf(kind)).map(
    ([key, { platform, name, text }]) => `| ${name} | \`${key}\` | ${platform} | ${text} |`,
  );
  return [`**${title}**\n`, '| entity | key | kind | what it is |', '|---|---|---|---|', ...rows].join('\n');
}

export function renderHomeAssistantPage(page: string): string {
  const tables = (Object.entries(titles) as [DeviceKind, string][]).map(tableOf).join('\n\n');
  return page.replace(
    /(<!-- entities -->\n)[\s\S]*(<!-- end of entities -->)/,
    (_, from, to) => `${from}${tables}\n${to}`,
  );
}

if (import.meta.main)
  writeFileSync(homeAssistantPagePath, renderHomeAssistantPage(readFileSync(homeAssistantPagePath, 'utf8')));
