// Orders about a model to several nodes, in words: what each answered, and where one may be given. Pure.
import type { CatalogueModel, ModelOrders } from '@blackroad/protocol';
import type { Told } from '../../data/told.ts';
import { plural } from '../../kit/words.ts';

/** More refusals than this are counted: each is a note of its own on the screen. */
const mostRefusals = 3;

/** One note for all that obey, and one for each that refuses, with its reason. */
export function ordersInWords({ model, orders }: ModelOrders, done: string): Told[] {
  const good = orders.filter(({ ok }) => ok);
  const refused = orders.filter(({ ok }) => !ok);
  const [first] = good;
  const told: Told[] = [];
  if (first && good.length === 1) told.push({ text: first.text, tone: 'good' });
  else if (first) told.push({ text: `${plural(good.length, 'node')} ${done} ${model}.`, tone: 'good' });
  for (const { node, text } of refused.slice(0, mostRefusals)) told.push({ text: `${node}: ${text}`, tone: 'bad' });
  const rest = refused.length - mostRefusals;
  if (rest > 0) told.push({ text: `${plural(rest, 'more node')} refused.`, tone: 'bad' });
  return told;
}

/** Where a model may be fetched: everywhere that it fits and is missing, or a class of that. The first is the default. */
export function placesFor({ fits }: Pick<CatalogueModel, 'fits'>): [value: string, text: string][] {
  const open = fits.filter(({ free }) => free > 0);
  const all = open.reduce((sum, { free }) => sum + free, 0);
  if (all === 0) return [];
  const classes = open.map(({ class: name, free }): [string, string] => [
    `class:${name}`,
    `${name}: ${plural(free, 'node')}`,
  ]);
  return open.length === 1 ? classes : [['', `everywhere it fits: ${plural(all, 'node')}`], ...classes];
}

/** The place of an order as a request carries it; `node:alice`, `class:pi`, or empty: wherever the order is good for. */
export function placeOf(value: string): { nodes?: string[]; class?: string } {
  if (value.startsWith('node:')) return { nodes: [value.slice('node:'.length)] };
  return value.startsWith('class:') ? { class: value.slice('class:'.length) } : {};
}

export const pinInWords = ({ node, class: name }: CatalogueModel['pins'][number]): string =>
  node !== null ? `on ${node}` : name !== null ? `on every ${name}` : 'wherever it is';
