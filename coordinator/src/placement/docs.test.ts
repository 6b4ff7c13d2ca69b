// Checks docs/placement.md: every filter, every reason to be closed and every score is in it with its own words, and the worked example is
// the present answer of placement.

import { readFileSync } from 'node:fs';
import { fixInWords } from '@blackroad/protocol';
import t from 'tap';
import {
  demandOf,
  GiB,
  homeFleet,
  modelOf,
  snapshotWith,
  stayingOf,
} from '../../../test/fixtures/coordinator/sample-supply.ts';
import { openRooms, place } from '../../../test/fixtures/coordinator/whole-plan.ts';
import { signs } from '../fleet/health.ts';
import { closedReasons } from './model/closed.ts';
import { useOf } from './model/room.ts';
import type { Demand, SupplyNode } from './model/supply.ts';
import { bestChoice, roomAt } from './plan/choose.ts';
import { filters, firstFilter } from './rules/feasible.ts';
import { healthGain, poorHealth } from './rules/gain.ts';
import { round, scorers, whyOf } from './rules/score.ts';

const page = readFileSync(new URL('../../../docs/placement.md', import.meta.url), 'utf8');

t.test('every filter, reason to be closed and score stands in the page', async (t) => {
  for (const { name, text } of filters) t.ok(page.includes(`| \`${name}\` | ${text} |`), `| \`${name}\` | ${text} |`);
  for (const { name, weights, about } of scorers) {
    const row = `| \`${name}\` | ${weights.spread} | ${weights.pack} | ${about} |`;
    t.ok(page.includes(row), row);
  }
});

t.test(
  'every sign of bad health stands in the page with what it leaves, and those that send agents away',
  async (t) => {
    for (const { code, when, factor } of signs) {
      const row = `| \`${code}\` | ${when} | ${factor} |`;
      t.ok(page.includes(row), row);
    }
    const poor = signs.filter(({ factor }) => factor > 0 && factor <= poorHealth).map(({ code }) => `\`${code}\``);
    const gain = `its node is in poor health (${poorHealth} or less; by itself any of ${poor.join(', ')}) and the other better by ${healthGain} |`;
    t.ok(page.includes(gain), gain);
  },
);

/** Three nodes: alice is cordoned, aria has its model loaded and an agent on it, codex is hot. */
function example(): { nodes: SupplyNode[]; demands: Demand[] } {
  const nodes = homeFleet().map((node): SupplyNode => {
    if (node.id === 'alice') return { ...node, closed: { filter: 'cordoned', text: closedReasons.cordoned.text } };
    if (node.id === 'codex') return { ...node, health: 0.5, healthText: 'hot (81 °C)' };
    if (node.id !== 'aria') return node;
    const loaded = modelOf('llama3.2:1b', { ...node.models[0], resident: true, residentBytes: 1.5 * GiB });
    return { ...node, models: [loaded], memoryFreeBytes: 2.5 * GiB, agents: [stayingOf('echo', 'llama3.2:1b')] };
  });
  const thinker = demandOf('thinker', { model: ['llama3.1:8b', 'small'], load: { tokensPerMinute: 600 } });
  return {
    nodes,
    demands: [demandOf('greeter', { model: ['small'] }), thinker, demandOf('painter', { model: ['flux'] })],
  };
}
t.test('the worked example is what placement answers', async (t) => {
  const { nodes, demands } = example();
  const snapshot = snapshotWith(nodes, demands);
  const plan = place(snapshot);
  const lines: string[] = [];
  const fleet = openRooms(snapshot);
  const [greeter] = demands as [Demand];
  for (const [index, { id }] of fleet.nodes.entries()) {
    const room = roomAt(fleet, index);
    const choice = bestChoice(fleet, greeter, room);
    if (choice) {
      const { scores } = whyOf({ agent: 'greeter', node: id, model: choice.offer.model.name, ...choice });
      const parts = scores
        .filter(({ value }) => value > 0)
        .map(({ name, value, weight }) => `${round(value * weight)} ${name}`);
      lines.push(`${id.padEnd(8)}${round(choice.score)} = ${parts.join(' + ')}`);
    } else {
      const candidate = { spec: greeter.spec, use: useOf(greeter.spec), room, conflicts: new Map() };
      const filter = firstFilter(candidate)!;
      lines.push(`${id.padEnd(8)}refused by ${filter.name}: ${filter.words(candidate)}`);
    }
  }
  lines.push('');
  for (const placed of plan.placed) {
    const { scores, score } = whyOf(placed);
    lines.push(`${placed.agent} -> ${placed.node} with ${placed.model}, score ${score}`);
    for (const { name, value, weight, text } of scores) lines.push(`  ${name} ${value} x ${weight}: ${text}`);
  }
  for (const { agent, why } of plan.unplaced) {
    lines.push(`${agent} -> nowhere: ${why.text}`, `  fix: ${fixInWords(why.fix)}`);
    for (const { filter, nodes: count, text } of why.refused) lines.push(`  not on ${count} by ${filter}: ${text}`);
  }
  for (const { node, model, step, agents } of plan.models)
    lines.push(`${step} ${model} on ${node} (agents: ${agents})`);
  const block = lines.join('\n');
  t.ok(page.includes(`\`\`\`\n${block}\n\`\`\``), `the page should hold:\n${block}`);
});

t.test('the fourth greeter goes elsewhere, as the page says', async (t) => {
  const greeters = [1, 2, 3, 4].map((n) => demandOf(`greeter-${n}`, { model: ['small'] }));
  const { placed } = place(snapshotWith(example().nodes, greeters));
  t.same(
    placed.map(({ node }) => node),
    ['aria', 'aria', 'aria', 'lucidia'],
  );
});
