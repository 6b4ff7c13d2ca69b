// Nodes as filled boxes, before and after.
import type { NodeLine, WhatIfPlan } from '@blackroad/protocol';
import t from 'tap';
import { bySite, packLine, packPlan, usedBytes } from './packing.ts';

const line = (id: string, over: Partial<NodeLine> = {}) =>
  ({
    id,
    class: 'pi',
    site: 'home',
    labels: {},
    status: 'active',
    presence: 'online',
    cordoned: false,
    draining: false,
    memoryTotalBytes: 100,
    memoryFreeBytes: 40,
    models: ['small'],
    agents: 2,
    ...over,
  }) as NodeLine;
const sizes = new Map([
  ['small', 30],
  ['large', 90],
]);

t.test('weights first, then what else is taken', async (t) => {
  const packed = packLine(line('a'), sizes);
  t.match(packed, { weights: [{ model: 'small', bytes: 30 }], restBytes: 30, mark: 'open', change: null });
  t.equal(usedBytes(packed), 60);
  const over = packLine(line('a', { models: ['small', 'large'] }), sizes);
  t.equal(usedBytes(over), 100, 'never more than there is');
  t.match(packLine(line('a', { memoryTotalBytes: null, memoryFreeBytes: null, models: [] }), sizes), { totalBytes: 0 });
  t.equal(packLine(line('a', { presence: 'lost' }), sizes).mark, 'away');
  t.equal(packLine(line('a', { draining: true }), sizes).mark, 'closed');
});
t.test('a plan is drawn before and after', async (t) => {
  const filling = (agents: number, memoryBytes: number, models: string[]) => ({ agents, memoryBytes, models });
  const plan = {
    nodes: [
      {
        node: 'a',
        class: 'pi',
        site: 'home',
        memoryTotalBytes: 100,
        lost: true,
        before: filling(2, 40, ['small']),
        after: filling(0, 0, []),
      },
      {
        node: 'b',
        class: 'pi',
        site: 'home',
        memoryTotalBytes: 100,
        lost: false,
        before: filling(0, 0, []),
        after: filling(2, 50, ['small']),
      },
    ],
  } as unknown as WhatIfPlan;
  const lines = [line('a'), line('b', { agents: 0 }), line('c'), line('d', { site: 'garage' })];
  const { before, after } = packPlan(lines, plan, [{ node: 'a' }, { site: 'garage' }], sizes);
  t.match(before[1], { agents: 0, weights: [{ model: 'small', bytes: 30 }] }, 'loaded and idle');
  t.match(before[0], { agents: 2, mark: 'open', restBytes: 30, change: null });
  t.match(after[0], { agents: 0, mark: 'lost', change: -2 });
  t.match(after[1], { agents: 2, change: 2, weights: [{ model: 'small', bytes: 30 }], restBytes: 50 });
  t.equal(after[2], before[2], 'what is not touched is the same');
  t.match(after[3], { mark: 'lost', change: -2, weights: { length: 0 } }, 'lost, though the plan does not name it');
  t.same(
    bySite(after).map(([site, nodes]) => [site, nodes.map(({ id }) => id)]),
    [
      ['garage', ['d']],
      ['home', ['a', 'b', 'c']],
    ],
  );
  const sites = ['site-10', 'site-2', 'home'].map((site) => packLine(line(site, { site }), sizes));
  const names = (first?: Set<string>) => bySite(sites, first).map(([site]) => site);
  t.same(names(), ['home', 'site-2', 'site-10']);
  t.same(names(new Set(['site-10'])), ['site-10', 'home', 'site-2'], 'where the plan loses something');
});
