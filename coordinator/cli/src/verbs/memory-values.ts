// Verbs for values of an agent's memory: set one by its key, read it exactly, list them, end one.
import { FleetError, keyOf, keyWords, type MemoryValue, type ValueEntry } from '@blackroad/protocol';
import { valueByWords, waitsInWords } from '@blackroad/protocol/memory-words';
import { argument, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, table } from '../words.ts';

function keyArgument(call: VerbCall): string {
  const text = argument(call, 1, '<key>');
  const key = keyOf(text);
  if (key === null) throw wrongUse(`<key>: expected ${keyWords}, got ${JSON.stringify(text.slice(0, 120))}.`);
  return key;
}

const saidWords = (text: string | null) => (text === null ? 'unset' : JSON.stringify(text));
/** What is under a key beside the value that holds. */
function besideWords({ others, waiting }: Pick<MemoryValue, 'others' | 'waiting'>): string[] {
  return [
    ...others.map((other: ValueEntry) => `${saidWords(other.text)} ${valueByWords(other)}`),
    ...waiting.map((order) => `${saidWords(order.text)} by ${order.by} waits: ${waitsInWords(order)}`),
  ];
}
/** What became of an order that was just given: it is the last one. */
function orderWords({ key, waiting }: MemoryValue, done: string): string {
  const order = waiting.at(-1);
  if (!order) return `${key} is ${done}.`;
  return order.waits === 'sent'
    ? `${key} is ${done} as soon as ${order.node} has written it.`
    : `${key} is ${done} later; it waits: ${waitsInWords(order)}.`;
}

/** All that comes on standard input, without the line end after it. */
async function read(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces)
    .toString()
    .replace(/\r?\n$/, '');
}

async function allValues(call: VerbCall, agent: string): Promise<MemoryValue[]> {
  const all: MemoryValue[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query: { after?: string } = after === '' ? {} : { after };
    const page: { values: MemoryValue[]; next: string | null } = await call
      .client()
      .call('memoryValues', { params: { agent }, query });
    all.push(...page.values);
    after = page.next;
  }
  return all;
}

export const memoryValueVerbs: Verb[] = [
  {
    words: 'memory set',
    args: '<agent> <key> <value>',
    text: 'Sets a value of an agent by its key, to be read exactly; - reads it from standard input, so that it is in no list of processes.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const key = keyArgument(call);
      const typed = argument(call, 2, '<value>');
      if (call.args.length > 3) throw wrongUse('<value>: expected one, got more: put it between quotes.');
      const text = typed === '-' ? await read(process.stdin) : typed;
      if (text === '') throw wrongUse(`<value> is empty: ${call.as.fleet('memory unset')} ends a key.`);
      const value = await call.client().call('memorySet', { params: { agent, key }, body: { text } });
      call.show(value, () => orderWords(value, 'set'));
    },
  },
  {
    words: 'memory get',
    args: '<agent> <key>',
    text: 'Prints the value of a key, and nothing else; exit code 4 when there is none.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const key = keyArgument(call);
      const value = await call.client().call('memoryValue', { params: { agent, key } });
      const beside = besideWords(value);
      if (value.text === null) {
        const detail = `${agent} has no value of ${JSON.stringify(key)} now: ${beside.join('; ')}.`;
        throw new FleetError('no-such-memory', { detail });
      }
      if (!call.json) for (const each of beside) call.note(`${key}: ${each}`);
      call.show(value, () => value.text as string);
    },
  },
  {
    words: 'memory values',
    args: '<agent>',
    text: 'The values that an agent has by key, since when and by whom.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const values = await allValues(call, agent);
      const now = call.clock.nowMs();
      const rows = values.flatMap((value) => [
        ...(value.entry
          ? [[value.key, ago(value.entry.createdAt, now), valueByWords(value.entry), value.text ?? '']]
          : []),
        ...value.others.map((other) => [value.key, ago(other.createdAt, now), valueByWords(other), saidOther(other)]),
        ...value.waiting.map((order) => [
          value.key,
          ago(order.givenMs, now),
          `by ${order.by}`,
          `${order.text ?? '(unset)'} (waits: ${waitsInWords(order)})`,
        ]),
      ]);
      call.show(values, () =>
        rows.length === 0
          ? `${agent} has no values. Set one: ${call.as.fleet(`memory set ${agent} <key> <value>`)}`
          : table(['KEY', 'SINCE', 'SET', 'VALUE'], rows, call.columns, call.paint, ['SINCE']),
      );
    },
  },
  {
    words: 'memory unset',
    args: '<agent> <key>',
    text: 'Ends a key: there is no value under it then. What it had stays in the log until it is erased.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const key = keyArgument(call);
      const value = await call.client().call('memoryUnset', { params: { agent, key } });
      call.show(value, () => orderWords(value, 'unset'));
    },
  },
];
const saidOther = ({ text }: ValueEntry) => `${text ?? '(unset)'} (does not hold)`;
