// Verbs for the erasure of memories: what would go is shown first, and goes only with --yes; and the nodes that have not confirmed.
import { counted, type EraseAnswer, type EraseRequest, type ErasureView } from '@blackroad/protocol';
import { storeOwesInWords } from '@blackroad/protocol/memory-words';
import { argument, numberFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, table } from '../words.ts';

const mostFound = 100;

function seqsOf(words: readonly string[]): number[] {
  return words.map((word) => {
    if (!/^[1-9]\d{0,11}$/.test(word)) throw wrongUse(`<seq>: expected a number from 1 on, got ${word}.`);
    return Number(word);
  });
}
/** The one way in which memories are named; null: the search found none. */
async function requestOf(call: VerbCall, agent: string): Promise<EraseRequest | null> {
  const seqs = seqsOf(call.args.slice(1));
  const q = textFlag(call, 'query');
  const ways = [seqs.length > 0, q !== undefined, call.flags.all === true].filter(Boolean).length;
  if (ways !== 1) throw wrongUse('Expected one of: sequence numbers, --query <words>, --all.');
  if (call.flags.all) return { all: true };
  if (q === undefined) return { seqs };
  const hits = await call.client().call('memorySearch', { query: { q, agent, limit: mostFound } });
  // By meaning alone much is near that has nothing to do with the words.
  const found = hits.filter((hit) => hit.found === undefined || hit.found.includes('words')).map(({ seq }) => seq);
  return found.length === 0 ? null : { seqs: found };
}

function memoryTable({ memories }: EraseAnswer, call: VerbCall): string {
  const rows = memories.map(({ agent, seq, branch, kind, why, text }) => [
    agent,
    branch === null ? String(seq) : `${seq} of branch ${branch}`,
    kind,
    why,
    text,
  ]);
  return table(['AGENT', 'SEQ', 'KIND', 'WHY', 'MEMORY'], rows, call.columns, call.paint);
}
function answerLines(answer: EraseAnswer, call: VerbCall): string {
  const { entries, memories, nodes, tasks, erased } = answer;
  if (entries === 0) return 'There is nothing to erase: it is erased already, or was never there.';
  const lines = [memoryTable(answer, call)];
  if (entries > memories.length) lines.push(`... and ${entries - memories.length} more`);
  const where = nodes.length === 0 ? 'No node has them.' : `They are, or were, on ${nodes.join(', ')}.`;
  lines.push(
    '',
    `${counted(entries, 'memory', 'memories')} ${erased ? 'erased here' : 'would be erased, for good'}. ${where}`,
  );
  if (tasks.length > 0)
    lines.push(
      `What was asked and answered stays in ${counted(tasks.length, 'task')} until tasks are pruned: ${tasks.slice(0, 5).join(', ')}.`,
    );
  lines.push('Backups that were made before have them still.');
  if (!erased) lines.push(call.paint('yellow', 'Nothing was erased yet: the same with --yes does it.'));
  else if (nodes.length > 0) lines.push(`Which nodes have not confirmed it: ${call.as.fleet('memory erasures')}`);
  return lines.join('\n');
}

const owingWords = { away: 'away', old: 'its node-agent is too old', told: 'told' } as const;
const owedWords = ({ owed }: ErasureView): string =>
  owed.length === 0 ? 'every node confirmed' : owed.map(({ node, why }) => `${node} (${owingWords[why]})`).join(', ');

export const memoryEraseVerbs: Verb[] = [
  {
    words: 'memory erase',
    args: '<agent> [seq...]',
    text: 'Erases memories for good, with all that was made of them, on every node; without --yes it only shows which.',
    flags: {
      query: {
        type: 'string',
        value: '<words>',
        text: `Those that a search for these words finds, ${mostFound} at most.`,
      },
      all: { type: 'boolean', text: 'All of the agent.' },
      yes: { type: 'boolean', text: 'Erase them.' },
    },
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const request = await requestOf(call, agent);
      if (request === null) {
        const nothing: EraseAnswer = { erased: false, entries: 0, memories: [], nodes: [], tasks: [] };
        call.show(nothing, () => 'Nothing found.');
        return;
      }
      const body = { ...request, dryRun: call.flags.yes !== true };
      const answer = await call.client().call('memoryErase', { params: { agent }, body });
      call.show(answer, () => answerLines(answer, call));
    },
  },
  {
    words: 'memory erasures',
    args: '',
    text: 'Erasures, newest first, and the nodes that have not confirmed them.',
    flags: {
      owed: { type: 'boolean', text: 'Only those that a node has not confirmed.' },
      limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 100 by default.' },
    },
    async run(call) {
      const limit = numberFlag(call, 'limit');
      const query = { ...(call.flags.owed ? { owed: true } : {}), ...(limit === undefined ? {} : { limit }) };
      const list = await call.client().call('memoryErasures', { query });
      const now = call.clock.nowMs();
      const rows = list.map((each) => [
        each.agent,
        ago(each.atMs, now),
        each.by,
        String(each.entries),
        owedWords(each),
      ]);
      const { store } = await call.client().call('memoryVectors');
      const owes = store ? storeOwesInWords(store) : null;
      const shown =
        list.length === 0
          ? 'There are none.'
          : table(['AGENT', 'WHEN', 'BY', 'ENTRIES', 'NODES'], rows, call.columns, call.paint, ['ENTRIES']);
      call.show(list, () => (owes === null ? shown : `${shown}\n${owes}`));
    },
  },
];
