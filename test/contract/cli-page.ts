// docs/cli.md from the verb table. `node test/contract/cli-page.ts` writes it.
import { writeFileSync } from 'node:fs';
import { verbs } from '../../coordinator/cli/src/verbs.ts';

export const cliPagePath = new URL('../../docs/cli.md', import.meta.url).pathname;

export function renderCliPage(): string {
  const sections = verbs
    .filter(({ words }) => words !== 'complete')
    .map(({ words, args, text, flags = {} }) => {
      const rows = Object.entries(flags).map(
        ([name, { short, value, text: what }]) =>
          `- \`${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}\` ${what}`,
      );
      return `### fleet ${`${words} ${args}`.trimEnd()}\n\n${text}\n${rows.length > 0 ? `\n${rows.join('\n')}\n` : ''}`;
    });
  return `# The command line

\`bin/fleet\` finds the private Node and the fleet of this machine by itself. This page is made from the verb table (\`make docs\`), and a test keeps it in step.

Every verb takes \`--json\` (one JSON value on stdout and nothing else there: an array for lists, an object for one thing; errors as a problem object on stderr), \`--help\`, and for a fleet elsewhere \`--coordinator <url>\`, \`--key <key>\`, \`--ca <file>\` or the environment (\`BLACKROAD_COORDINATOR\`, \`BLACKROAD_KEY\`, \`BLACKROAD_CA\`); \`--data <folder>\` (\`BLACKROAD_DATA\`) names the data folder of another fleet on this machine.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong use |
| 3 | no coordinator, or not allowed |
| 4 | no such thing |
| 5 | the deadline passed |

${sections.join('\n')}`;
}

if (import.meta.main) writeFileSync(cliPagePath, renderCliPage());
