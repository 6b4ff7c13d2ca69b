// Verbs for memories: search, the log of an agent, its verification, signed checkpoints and proofs.
import {
  type AgentView,
  counted,
  entryText,
  FleetError,
  type RouteAnswer,
  type SignedCheckpoint,
} from '@blackroad/protocol';
import { foundInWords, storeInWords, vectorsInWords } from '@blackroad/protocol/memory-words';
import { argument, numberFlag, secondsFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, table } from '../words.ts';
import { verifyFile } from './memory-file.ts';

type Chain = RouteAnswer<'memoryVerify'>;

/** In the order in which a memory becomes safer. The coordinator shows none that is only durable. */
function stateOf(seq: number, agent: AgentView | null): string {
  return seq <= (agent?.memory.anchored?.seq ?? 0) ? 'anchored' : 'acked';
}
/** Null: it was removed, and its memory stays. */
async function agentIfAny(call: VerbCall, name: string): Promise<AgentView | null> {
  try {
    return await call.client().call('agent', { params: { agent: name } });
  } catch (error) {
    if (error instanceof FleetError && error.code === 'no-such-agent') return null;
    throw error;
  }
}

function chainLine({ valid, entries, redacted, headHash, fault, checkpoint }: Chain): string {
  if (!valid) return `BROKEN at ${fault?.seq}: ${fault?.text}`;
  const erased = redacted > 0 ? `, ${redacted} redacted` : '';
  const signed = checkpoint ? `, ${checkpoint.entries} of them under checkpoint ${checkpoint.number}` : '';
  return `valid: ${counted(entries, 'entry', 'entries')}${erased}${signed}, head ${headHash}`;
}
async function verified(call: VerbCall, agent: string): Promise<Chain> {
  return call.client().call('memoryVerify', { params: { agent } });
}
async function verifyAll(call: VerbCall): Promise<Chain[]> {
  const chains: Chain[] = [];
  // One after the other: each uses a share of the coordinator.
  for (const { name } of await call.client().call('agents')) chains.push(await verified(call, name));
  return chains;
}
function allLines(chains: readonly Chain[], call: VerbCall): string {
  if (chains.length === 0) return 'No agents yet: there is nothing to verify.';
  const rows = chains.map((chain) => [chain.agent, chainLine(chain).replace(/, head [0-9a-f]+$/, '')]);
  const broken = chains.filter(({ valid }) => !valid).length;
  const sum = (of: 'entries' | 'redacted') => chains.reduce((all, chain) => all + chain[of], 0);
  const all = `${counted(sum('entries'), 'entry', 'entries')}, ${sum('redacted')} redacted`;
  return [
    table(['AGENT', 'MEMORY'], rows, call.columns, call.paint),
    broken === 0 ? `valid: ${all}` : `${counted(broken, 'log')} of ${chains.length} BROKEN`,
  ].join('\n');
}
const checkpointLine = ({ number, agents, entries, root }: SignedCheckpoint) =>
  `Checkpoint ${number} is signed: ${counted(entries, 'entry', 'entries')} of ${counted(agents, 'log')}, root ${root}`;

export const memoryVerbs: Verb[] = [
  {
    words: 'memory search',
    args: '<text...>',
    text: 'Searches the memories of the fleet, or of one agent.',
    flags: {
      agent: { type: 'string', value: '<agent>', text: 'Only memories of this agent.' },
      kind: { type: 'string', value: '<kind>', text: 'Only of this kind: turn, note, merge, import.' },
      tag: { type: 'string', value: '<tag>', text: 'Only with this tag.' },
      since: { type: 'string', value: '<time>', text: 'Only of the last 90s, 10m, 2h or 7d.' },
      until: { type: 'string', value: '<time>', text: 'Only older than that.' },
      limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 10 by default.' },
    },
    async run(call) {
      const q = call.args.join(' ');
      if (q.trim() === '') throw wrongUse('<text> is missing: what should be searched for?');
      const agent = textFlag(call, 'agent');
      const kind = textFlag(call, 'kind');
      const tag = textFlag(call, 'tag');
      const nowMs = call.clock.nowMs();
      const before = (name: string) => {
        const seconds = secondsFlag(call, name);
        return seconds === undefined ? undefined : Math.max(0, Math.floor(nowMs - seconds * 1_000));
      };
      const [sinceMs, untilMs] = [before('since'), before('until')];
      if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs)
        throw wrongUse('--until: expected a shorter time than --since, which is how far back to look.');
      const hits = await call.client().call('memorySearch', {
        query: {
          q,
          limit: numberFlag(call, 'limit') ?? 10,
          ...(agent === undefined ? {} : { agent }),
          ...(kind === undefined ? {} : { kind }),
          ...(tag === undefined ? {} : { tag }),
          ...(sinceMs === undefined ? {} : { sinceMs }),
          ...(untilMs === undefined ? {} : { untilMs }),
        },
      });
      const rows = hits.map((hit) => [
        hit.agent,
        String(hit.seq),
        hit.kind,
        ago(hit.createdAt, call.clock.nowMs()),
        foundInWords(hit),
        hit.text,
      ]);
      const { store } = await call.client().call('memoryVectors');
      const isWhole = !store || store.state === 'following';
      const found =
        hits.length === 0
          ? 'Nothing found.'
          : table(['AGENT', 'SEQ', 'KIND', 'WHEN', 'BY', 'MEMORY'], rows, call.columns, call.paint);
      call.show(hits, () => (isWhole ? found : `${found}\n${storeInWords(store)}`));
    },
  },
  {
    words: 'memory vectors',
    args: '',
    text: 'Whether memories are found by their meaning, and how far the vectors are that this needs.',
    async run(call) {
      const stand = await call.client().call('memoryVectors');
      call.show(stand, () => vectorsInWords(stand));
    },
  },
  {
    words: 'memory log',
    args: '<agent>',
    text: "An agent's log, oldest first: acked is stored, anchored is under a signed checkpoint.",
    flags: {
      after: { type: 'string', value: '<seq>', text: 'Entries after this sequence number.' },
      limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 100 by default.' },
    },
    completes: 'agents',
    async run(call) {
      const name = argument(call, 0, '<agent>');
      const after = numberFlag(call, 'after');
      const limit = numberFlag(call, 'limit');
      const entries = await call.client().call('memoryLog', {
        params: { agent: name },
        query: { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) },
      });
      const agent = await agentIfAny(call, name);
      const rows = entries.map((entry) => [
        String(entry.epoch),
        String(entry.seq),
        entry.kind,
        entry.actorId,
        stateOf(entry.seq, agent),
        entry.hash.slice(0, 12),
        entryText(entry) ?? '(erased)',
      ]);
      call.show(entries, () =>
        entries.length === 0
          ? 'The log is empty.'
          : table(['EPOCH', 'SEQ', 'KIND', 'BY', 'STATE', 'HASH', 'MEMORY'], rows, call.columns, call.paint),
      );
    },
  },
  {
    words: 'memory verify',
    args: '[agent]',
    text: 'Recomputes the whole log of an agent, or of all, and the root of the signed checkpoint over it; exit code 1 when one is not valid.',
    flags: { file: { type: 'string', value: '<path>', text: 'Of a file that was exported, without a coordinator.' } },
    completes: 'agents',
    async run(call) {
      const [agent] = call.args;
      const file = textFlag(call, 'file');
      if (file !== undefined && agent !== undefined)
        throw wrongUse(`--file: expected it without an agent, got ${agent}.`);
      if (file !== undefined) return verifyFile(call, file);
      if (agent !== undefined) {
        const chain = await verified(call, agent);
        call.show(chain, () => chainLine(chain));
        if (!chain.valid) process.exitCode = 1;
        return;
      }
      const chains = await verifyAll(call);
      call.show(chains, () => allLines(chains, call));
      if (chains.some(({ valid }) => !valid)) process.exitCode = 1;
    },
  },
  {
    words: 'memory proof',
    args: '<agent> <seq>',
    text: 'The proof, as JSON, that an entry is under a signed checkpoint; docs/verify.md has a program that checks it.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const text = argument(call, 1, '<seq>');
      const seq = Number(text);
      if (!/^[1-9]\d{0,11}$/.test(text)) throw wrongUse(`<seq>: expected a number from 1 on, got ${text}.`);
      const proof = await call.client().call('memoryProof', { params: { agent, seq } });
      call.show(proof, () => JSON.stringify(proof, null, 2));
    },
  },
  {
    words: 'memory checkpoint',
    args: '',
    text: 'Has the coordinator sign the memories as they stand now; by itself it does so every ten minutes.',
    async run(call) {
      const checkpoint = await call.client().call('memoryCheckpoint');
      call.show(checkpoint, () => (checkpoint ? checkpointLine(checkpoint) : 'There are no memories yet.'));
    },
  },
  {
    words: 'memory checkpoints',
    args: '',
    text: 'Signed checkpoints, newest first; with --json whole, to be kept elsewhere.',
    flags: { limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 100 by default.' } },
    async run(call) {
      const limit = numberFlag(call, 'limit');
      const list = await call.client().call('memoryCheckpoints', { query: limit === undefined ? {} : { limit } });
      const now = call.clock.nowMs();
      const rows = list.map((each) => [
        String(each.number),
        ago(each.atMs, now),
        String(each.agents),
        String(each.entries),
        each.root.slice(0, 16),
      ]);
      call.show(list, () =>
        list.length === 0
          ? `None yet. Make one: ${call.as.fleet('memory checkpoint')}`
          : table(['NUMBER', 'SIGNED', 'LOGS', 'ENTRIES', 'ROOT'], rows, call.columns, call.paint, [
              'NUMBER',
              'LOGS',
              'ENTRIES',
            ]),
      );
    },
  },
];
