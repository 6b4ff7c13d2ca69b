// docs/configuration.md from the option tables of both processes. `node test/contract/configuration.ts` writes it.
import { writeFileSync } from 'node:fs';
import type { Option } from '@blackroad/std/options';
import { coordinatorOptions } from '../../coordinator/src/config.ts';
import { nodeOptions } from '../../node-agent/src/config.ts';

export const configurationPath = new URL('../../docs/configuration.md', import.meta.url).pathname;

function section(option: Option): string {
  const range =
    option.type === 'number'
      ? ` From ${option.min} to ${option.max}.`
      : option.type === 'choice'
        ? ` One of ${option.choices.join(', ')}.`
        : '';
  const standard = option.default === '' ? 'empty' : `\`${option.default}\``;
  const other = option.otherEnv ? `, else \`${option.otherEnv}\`` : '';
  const ways =
    option.type === 'secret'
      ? `\`${option.env}\`${option.otherEnv ? `, else \`${option.otherEnv}\`,` : ''} holds it, or a file does that \`--${option.flag}\` names. It is never on a command line itself`
      : `\`--${option.flag}\` or \`${option.env}\`${other}`;
  return `### ${option.flag}\n\n${option.text}${range}\n\n${ways}; ${standard} unless told.\n`;
}

export function renderConfiguration(): string {
  const coordinator = Object.values(coordinatorOptions).map(section).join('\n');
  const node = Object.values(nodeOptions).map(section).join('\n');
  return `# Configuration

Few options; everything that can be found is found. A flag wins over the environment, the environment over the default. This page is made from the option tables (\`make docs\`), and a test keeps it in step.

## The coordinator

\`node coordinator/src/main.ts\`, or \`make up\`, which passes the data folder and the port.

${coordinator}
## The node-agent

\`bin/fleet-node run\`, \`join <token>\`, \`models\`, \`simulate <token>\`.

${node}`;
}

if (import.meta.main) writeFileSync(configurationPath, renderConfiguration());
