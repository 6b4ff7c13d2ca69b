// Why no node answers a request, as the error that its caller gets: what passes by itself may be tried again, what does not says what is
// missing. In: the routes that were looked for. Out: one error, by the reason that is nearest to an answer.
import { counted, FleetError, isTierWish, modelKey } from '@blackroad/protocol';
import { problemOf, type Stop } from '../budgets/books.ts';
import type { RouteRefused } from '../placement/route/candidate.ts';
import { passing, routeFilters } from '../placement/route/filters.ts';
import type { View } from '../state/view.ts';
import type { Ask } from './ask.ts';
import type { Tried } from './router.ts';

/** The reasons that are nearest to an answer first. */
const nearest = [...routeFilters].reverse().map(({ name }) => name);

/** `unpaid`: why the caller may not pay. */
export function refusalOf({ models }: Ask, tried: readonly Tried[], view: View, unpaid: Stop | null): FleetError {
  const refused = tried.flatMap(({ route }) => route.refused);
  const [first] = refused.toSorted((a, b) => nearest.indexOf(a.filter) - nearest.indexOf(b.filter));
  if (!first) return fetching(models, view) ?? unknown(models);
  const others = new Set(refused.map(({ node }) => node)).size - 1;
  const more = others > 0 ? `; ${counted(others, 'other node')} cannot answer either` : '';
  const detail = `${askedFor(models, first.model)}${wordsOf(first)}${more}.`;
  if (first.filter === 'context') return new FleetError('prompt-too-long', { detail });
  if (first.filter === 'price' && unpaid) return stopError(unpaid, detail);
  if (!passing.has(first.filter)) return new FleetError('not-supported', { detail });
  const isBusy = first.filter === 'full' || first.filter === 'reserved';
  return new FleetError(isBusy ? 'model-busy' : 'model-away', { detail, retryAfterSeconds: isBusy ? 2 : 10 });
}
export function stopError(stop: Stop, words?: string): FleetError {
  const { code, details } = problemOf(stop, words);
  return new FleetError(code, details);
}
function wordsOf({ node, model, text }: RouteRefused): string {
  return `${model} on ${node}: ${text}`;
}

/** What was asked for, where it is another name than that of the model. */
function askedFor(models: readonly string[], model: string): string {
  return models.length === 1 && models[0] === model ? '' : `${models.join(', ')}: `;
}

function unknown(models: readonly string[]): FleetError {
  const wordsFor = (name: string) => (name === 'auto' ? 'any model' : isTierWish(name) ? `a ${name} model` : name);
  const names = models.map(wordsFor).join(' or ');
  const detail = `No machine of the fleet has ${names}; GET /v1/models lists what there is.`;
  return new FleetError('no-such-model', { detail });
}

/** A model that is on its way to a node: the caller may try again when it is there. */
function fetching(models: readonly string[], view: View): FleetError | null {
  const keys = new Set(models.map(modelKey));
  for (const [node, { capacity }] of view.live) {
    for (const { model, completedBytes, totalBytes, problem } of capacity?.fetches ?? []) {
      if (!keys.has(modelKey(model)) || problem !== undefined) continue;
      const share = totalBytes > 0 ? ` (${Math.floor((completedBytes / totalBytes) * 100)} %)` : '';
      return new FleetError('model-away', { detail: `${node} fetches ${model} now${share}.`, retryAfterSeconds: 20 });
    }
  }
  return null;
}
