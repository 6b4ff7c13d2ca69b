// Keeps docs/placement.md honest: every filter, closed reason and score is in it with its own words, and the worked
// example is what placement answers today.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { closedReasons, filters } from './feasible.ts';
import { demandOf, homeFleet } from './fixture.ts';
import { place } from './place.ts';
import { scorers } from './score.ts';

const page = readFileSync(new URL('../../../docs/placement.md', import.meta.url), 'utf8');

t.test('every filter, closed reason and score stands in the page', async (t) => {
  for (const { name, text } of filters) t.ok(page.includes(`| \`${name}\` | ${text} |`), name);
  for (const [name, text] of Object.entries(closedReasons)) t.ok(page.includes(`| \`${name}\` | ${text} |`), name);
  for (const { name, weight, about } of scorers) t.ok(page.includes(`| \`${name}\` | ${weight} | ${about} |`), name);
});

t.test('the worked example is what placement answers', async (t) => {
  const nodes = homeFleet().map((node) =>
    node.id === 'alice' ? { ...node, closed: { filter: 'cordoned', text: closedReasons.cordoned } } : node,
  );
  const demands = [
    demandOf('greeter', { model: ['small'] }),
    demandOf('thinker', { model: ['llama3.1:8b', 'small'] }),
    demandOf('painter', { model: ['flux'] }),
  ];
  const { placed, unplaced } = place({ nodes, demands });
  const lines: string[] = [];
  for (const { agent, node, model, why } of placed) {
    lines.push(`${agent} -> ${node} with ${model}, score ${why.score}`);
    for (const { name, value, weight, text } of why.scores) lines.push(`  ${name} ${value} x ${weight}: ${text}`);
    for (const { filter, nodes, text } of why.refused) lines.push(`  not on ${nodes} by ${filter}: ${text}`);
  }
  for (const { agent, why } of unplaced) lines.push(`${agent} -> nowhere: ${why.text}`, `  fix: ${why.fix}`);
  const block = lines.join('\n');
  t.ok(page.includes(`\`\`\`\n${block}\n\`\`\``), `the page should hold:\n${block}`);
});
