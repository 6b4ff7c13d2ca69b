// Verbs for models over the whole fleet: list, show, fetch with the progress of all nodes, stop that, pin, remove, update.
import {
  type Catalogue,
  type CatalogueModel,
  counted,
  FleetError,
  listInWords,
  type ModelOrders,
  nearNames,
} from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Client } from '../client.ts';
import { createFetchProgress, type FetchProgress } from '../fetch-progress.ts';
import { type FetchStand, fetchStand } from '../fetch-stand.ts';
import { modelTable, oneModel } from '../models-screen.ts';
import { argument, type Flag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';

const lookMs = 1000;
/** The node reports a fetch before it answers; a report that is late or lost is repeated within half a minute. */
const silentLooks = 40;
/** Of a hundred nodes each is asked every five seconds. */
const nodesASecond = 20;

const places: Record<string, Flag> = {
  nodes: { type: 'string', value: '<a,b>', text: 'Only on these nodes.' },
  class: { type: 'string', value: '<class>', text: 'Only on the nodes of this class.' },
};

interface Place {
  nodes?: string[];
  class?: string;
}
function placeOf(call: VerbCall): Place {
  const nodes = textFlag(call, 'nodes');
  const name = textFlag(call, 'class');
  const list = (nodes ?? '').split(',').flatMap((each) => each.trim() || []);
  if (nodes !== undefined && list.length === 0)
    throw wrongUse(`--nodes: expected names of nodes with commas between them, got ${JSON.stringify(nodes)}.`);
  return { ...(list.length > 0 ? { nodes: list } : {}), ...(name === undefined ? {} : { class: name }) };
}

function findRow({ models }: Catalogue, named: string): CatalogueModel {
  const wanted = named
    .trim()
    .toLowerCase()
    .replace(/:latest$/, '');
  const namesOf = ({ name, entry }: CatalogueModel) => [
    name.replace(/:latest$/, ''),
    ...(entry ? [entry.name, entry.ollama ?? entry.name, ...entry.aliases] : []),
  ];
  const row = models.find((each) => namesOf(each).some((name) => name.toLowerCase() === wanted));
  if (row) return row;
  const near = nearNames(named, models.flatMap(namesOf));
  const hint = near.length > 0 ? ` Did you mean ${listInWords(near, 'or')}?` : '';
  throw new FleetError('invalid-request', { detail: `No node and no catalogue has a model ${named}.${hint}` });
}

/** The answers of the nodes, one a line; ends with exit code 1 where one refused. */
function showOrders({ model, orders }: ModelOrders, call: VerbCall): void {
  call.show({ model, orders }, () =>
    orders
      .map(
        ({ node, ok, text }) =>
          `${ok ? call.paint('green', '✓') : call.paint('red', '✗')} ${ok ? text : `${node}: ${text}`}`,
      )
      .join('\n'),
  );
  const refused = orders.filter(({ ok }) => !ok).length;
  if (refused > 0)
    throw new FleetError('conflict', { detail: `${counted(refused, 'node')} of ${orders.length} refused.` });
}

/** Looks until every node has the model or has failed, or until a person interrupts. */
export async function followFetches(
  client: Pick<Client, 'call'>,
  { model, nodes }: { model: string; nodes: readonly string[] },
  { clock, signal }: Pick<VerbCall, 'clock' | 'signal'>,
  progress: FetchProgress,
): Promise<Map<string, FetchStand>> {
  const stands = new Map<string, FetchStand>(nodes.map((node) => [node, { state: 'silent' }]));
  const silent = new Map<string, number>();
  while (!signal.aborted) {
    const open = [...stands]
      .filter(([, { state }]) => state === 'fetching' || state === 'silent')
      .map(([node]) => node);
    for (const node of open) {
      const stand = fetchStand(await client.call('node', { params: { node } }), model);
      const looks = stand.state === 'silent' ? (silent.get(node) ?? 0) + 1 : 0;
      silent.set(node, looks);
      const problem = `neither has ${model} nor fetches it; its events may show the reason`;
      stands.set(node, looks > silentLooks ? { state: 'failed', problem } : stand);
    }
    progress.draw(stands);
    if (open.length === 0) break;
    await sleep(clock, Math.max(lookMs, (open.length / nodesASecond) * 1000));
  }
  return stands;
}

async function follow(call: VerbCall, { model, orders }: ModelOrders): Promise<void> {
  const client = call.client();
  const canvas = call.json
    ? { write: () => true }
    : { isTTY: call.interactive, columns: call.columns, write: call.write };
  const nodes = orders.filter(({ ok }) => ok).map(({ node }) => node);
  for (const { node, text } of orders.filter(({ ok }) => !ok)) call.note(`${call.paint('red', '✗')} ${node}: ${text}`);
  // Timers of a Clock never keep a process alive, and nothing else does between two looks.
  const letGo = holdProcess();
  const progress = createFetchProgress(canvas, call.paint, call.clock);
  const stands = await followFetches(client, { model, nodes }, call, progress).finally(letGo);
  const rows = [...stands].map(([node, stand]) => ({ node, ...stand }));
  if (call.json) call.show({ model, nodes: rows }, () => '');
  if (call.signal.aborted) {
    call.note(`The nodes continue to fetch ${model}; ${call.as.fleet(`models stop ${model}`)} ends that.`);
    return;
  }
  const failed = rows.filter(({ state }) => state === 'failed').length + orders.length - nodes.length;
  if (failed > 0)
    throw new FleetError('conflict', { detail: `${model} is not on ${counted(failed, 'node')} of ${orders.length}.` });
}

const detach: Record<string, Flag> = {
  detach: { type: 'boolean', short: 'd', text: 'Ends when the nodes have begun, without showing the progress.' },
};

/** A verb that orders something of nodes, and shows what each answered. */
function ordering(row: Pick<Verb, 'words' | 'text'>, route: 'modelStopPull' | 'modelRemove'): Verb {
  return {
    ...row,
    args: '<model>',
    flags: places,
    completes: 'models',
    async run(call) {
      const body = { model: argument(call, 0, '<model>'), ...placeOf(call) };
      showOrders(await call.client().call(route, { body }), call);
    },
  };
}
function fetching(row: Pick<Verb, 'words' | 'text'>, update: boolean): Verb {
  return {
    ...row,
    args: '<model>',
    flags: { ...places, ...detach },
    completes: 'models',
    async run(call) {
      const body = { model: argument(call, 0, '<model>'), ...placeOf(call), ...(update ? { update } : {}) };
      const answer = await call.client().call('modelPull', { body });
      if (call.flags.detach === true) showOrders(answer, call);
      else await follow(call, answer);
    },
  };
}
function pinning(row: Pick<Verb, 'words' | 'text'>, pinned: boolean): Verb {
  return {
    ...row,
    args: '<model>',
    flags: places,
    completes: 'models',
    async run(call) {
      const place = placeOf(call);
      const body = { model: argument(call, 0, '<model>'), ...place, pinned };
      const answer = await call.client().call('modelPin', { body });
      const where = [...(place.nodes ?? []), ...(place.class === undefined ? [] : [`every ${place.class}`])];
      const on = where.length > 0 ? ` on ${listInWords(where)}` : ' wherever it is';
      const already = pinned ? 'is pinned' : 'is not pinned';
      const done = pinned ? 'is pinned' : 'is no longer pinned';
      call.show(answer, () => `${answer.model} ${answer.changed > 0 ? done : `${already} already, and that`}${on}.`);
    },
  };
}

export const modelVerbs: Verb[] = [
  {
    words: 'models',
    args: '',
    text: 'The models of the fleet and of its catalogue: size, licence, which classes they fit on, where they are.',
    async run(call) {
      const catalogue = await call.client().call('catalogue');
      call.show(catalogue, () => modelTable(catalogue, call));
    },
  },
  {
    words: 'models show',
    args: '<model>',
    text: 'One model: what it is, how it fits on each class and how fast it answers there, where it is, who pinned it.',
    completes: 'models',
    async run(call) {
      const row = findRow(await call.client().call('catalogue'), argument(call, 0, '<model>'));
      call.show(row, () => oneModel(row, call));
    },
  },
  fetching(
    {
      words: 'models pull',
      text: 'Has a model fetched by these nodes or this class, by default by all that lack it and that it fits on, and shows the progress of all. Ctrl-C ends the showing, not the fetch.',
    },
    false,
  ),
  fetching(
    {
      words: 'models update',
      text: 'Fetches a model again on the nodes that have it: what is newer where it comes from replaces it.',
    },
    true,
  ),
  ordering(
    {
      words: 'models stop',
      text: 'Ends the fetch of a model, on these nodes or on all. What has come is kept for the next fetch.',
    },
    'modelStopPull',
  ),
  ordering(
    {
      words: 'models rm',
      text: 'Removes a model from the disks of these nodes, by default wherever the fleet fetched it. Refused where an agent needs it or it is pinned.',
    },
    'modelRemove',
  ),
  pinning(
    {
      words: 'models pin',
      text: 'Keeps a model: on these nodes or this class it is fetched, and it is never removed for want of disk. Without either, it is kept wherever it is.',
    },
    true,
  ),
  pinning({ words: 'models unpin', text: 'Takes a pin back, for the same nodes or class as it was set.' }, false),
  {
    words: 'models reload',
    args: '',
    text: "Reads the operator's file of models now, and shows the entries that do not count. The coordinator reads it by itself when it has changed.",
    async run(call) {
      const answer = await call.client().call('modelsReload');
      call.show(answer, () => [`${counted(answer.models, 'model')} in the catalogue.`, ...answer.faults].join('\n'));
      if (answer.faults.length > 0)
        throw new FleetError('invalid-request', {
          detail: `${counted(answer.faults.length, 'fault')} in the file of models.`,
        });
    },
  },
];
