// Values of agents' memories over HTTP: what holds under a key, and what people set. In: keys and texts. Out: values of the store, with the orders
// that the node of the agent has not written yet.
import {
  FleetError,
  keyOf,
  type MemoryValue,
  maxMemoryTextBytes,
  maxPageRows,
  notFoundText,
  type Principal,
} from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers, refuseFaults } from '../http/handler.ts';
import { givenTo, waitsOf } from '../memory/given.ts';
import type { View } from '../state/view.ts';
import type { StoredValue } from '../store/store.ts';
import { agentOr404 } from './agents.ts';
import { memoryOr404 } from './memory.ts';
import { refuseTooMany } from './memory-quota.ts';

const valuesGiven = (view: View, agent: string) => givenTo(view, agent).filter(({ kind }) => kind === 'value');

function showValue(view: View, agent: string, { key, entry, others }: StoredValue): MemoryValue {
  const waiting = valuesGiven(view, agent).filter((row) => row.key === key);
  return {
    ...{ key, text: entry?.text ?? null, entry, others },
    waiting: waiting.map(({ id, text, by, givenMs }) => ({
      ...{ id, text: text === '' ? null : text, by, givenMs },
      ...waitsOf(view, agent, 'values'),
    })),
  };
}
const nothing = (key: string): StoredValue => ({ key, entry: null, others: [] });
/** As the store orders keys, and not as JavaScript does. */
const inOrder = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

async function readValue({ coordinator }: ApiContext, agent: string, key: string): Promise<MemoryValue> {
  return showValue(coordinator.view, agent, (await coordinator.store.memoryValue(agent, key)) ?? nothing(key));
}
const isThere = ({ entry, others, waiting }: MemoryValue) => entry !== null || others.length + waiting.length > 0;

async function noSuchValue({ coordinator }: ApiContext, agent: string, key: string): Promise<FleetError> {
  const { values } = await coordinator.store.memoryValues(agent, '', maxPageRows);
  const keys = values.map((each) => each.key);
  return new FleetError('no-such-memory', { detail: notFoundText('value', key, keys) });
}

/** `text`: empty: the key ends. */
async function order(context: ApiContext, by: Principal, agent: string, key: string, text: string): Promise<void> {
  const { coordinator, clock, random } = context;
  await refuseTooMany(context, agent, 1);
  const id = sortableId(clock.nowMs(), random);
  accepted(await coordinator.submit('memory-set', { by, id, agent, key, text }));
}

export const memoryValueHandlers = {
  async memoryValues({ context, params, query, by }) {
    const agent = memoryOr404(context, by, params.agent);
    const { after = '', limit } = query;
    const { view, store } = context.coordinator;
    const { values, next } = await store.memoryValues(agent, after, limit);
    const found = new Map(values.map((each) => [each.key, each]));
    for (const { key } of valuesGiven(view, agent)) {
      const isOfPage = key !== undefined && inOrder(key, after) > 0 && (next === null || inOrder(key, next) <= 0);
      if (isOfPage && !found.has(key)) found.set(key, nothing(key));
    }
    const page = [...found.values()].sort((a, b) => inOrder(a.key, b.key));
    return { agent: params.agent, values: page.map((each) => showValue(view, agent, each)), next };
  },
  async memoryValue({ context, params, by }) {
    const agent = memoryOr404(context, by, params.agent);
    const key = keyOf(params.key) ?? params.key;
    const value = await readValue(context, agent, key);
    if (!isThere(value)) throw await noSuchValue(context, agent, key);
    return value;
  },
  async memorySet({ context, params, body, by }) {
    const agent = agentOr404(context, by, params.agent);
    const key = keyOf(params.key) ?? params.key;
    const bytes = Buffer.byteLength(body.text);
    if (bytes > maxMemoryTextBytes)
      refuseFaults([{ field: 'text', expected: `at most ${maxMemoryTextBytes} bytes`, got: `${bytes} bytes` }]);
    await order(context, by, agent, key, body.text);
    return readValue(context, agent, key);
  },
  async memoryUnset({ context, params, by }) {
    const agent = agentOr404(context, by, params.agent);
    const key = keyOf(params.key) ?? params.key;
    if (!isThere(await readValue(context, agent, key))) throw await noSuchValue(context, agent, key);
    await order(context, by, agent, key, '');
    return readValue(context, agent, key);
  },
} satisfies Partial<Handlers>;
