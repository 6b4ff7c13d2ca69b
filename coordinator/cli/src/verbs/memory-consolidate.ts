// Verbs for consolidation: what a run would write is shown with --dry-run, and a run can be taken back.
import { counted, type MemoryRun, type RunAnswer, type RunResult } from '@blackroad/protocol';
import { countsInWords, markInWords, runStateInWords } from '@blackroad/protocol/memory-words';
import { argument, numberFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, table } from '../words.ts';

function resultLines(results: readonly RunResult[], call: VerbCall): string[] {
  return results.flatMap(({ how, model, sources, text }) => {
    const by = model === null ? '' : call.paint('dim', ` (${model})`);
    const told = sources.map((source) => `    ${source.seq}  ${source.text.replace(/\s+/g, ' ') || '(erased)'}`);
    if (how === 'summary') return [`  + summary${by}: ${text || '(erased)'}`, ...told];
    return [`  ~ ${markInWords(how)}${by}`, ...told];
  });
}

function answerLines(agent: string, answer: RunAnswer, call: VerbCall): string {
  const { run, shown, entries, results, refused, tokens, model } = answer;
  const looked = counted(entries, 'memory', 'memories');
  const asked = model === null ? '' : ` ${model} was asked (${counted(tokens, 'token')})`;
  const odd = refused === 0 ? '' : `, and ${counted(refused, 'answer')} of it were not of the form that was asked for`;
  const lines = [
    `${agent}: ${looked} looked at, ${counted(results.length, 'result')}.${asked}${odd}${asked ? '.' : ''}`,
  ];
  lines.push(...resultLines(results, call));
  if (results.length === 0) return lines.join('\n');
  if (shown !== null)
    lines.push(
      call.paint('yellow', 'Nothing was written. To write exactly this, within an hour:'),
      `  ${call.as.fleet(`memory consolidate ${agent} --shown ${shown}`)}`,
    );
  else if (run !== null)
    lines.push(
      `Its node writes this as entries of their own. To take it back: ${call.as.fleet(`memory consolidate undo ${run.id}`)}`,
    );
  return lines.join('\n');
}

function runRows(runs: readonly MemoryRun[], nowMs: number): string[][] {
  return runs.map((run) => [
    run.id,
    run.agent,
    ago(run.atMs, nowMs),
    run.by,
    run.model ?? '-',
    countsInWords(run.counts),
    runStateInWords(run),
  ]);
}

export const memoryConsolidateVerbs: Verb[] = [
  {
    words: 'memory consolidate',
    args: '[agent]',
    text: 'Marks what an agent, or each of them, remembers twice and what was replaced; with --model also sums it up. Nothing is changed or removed.',
    flags: {
      'dry-run': { type: 'boolean', text: 'Only show what it would write.' },
      shown: { type: 'string', value: '<id>', text: 'Write exactly what --dry-run showed under this id.' },
      model: {
        type: 'string',
        value: '<model>',
        text: 'Ask this model, or a tier such as auto, where it costs nothing and nobody else needs it.',
      },
    },
    completes: 'agents',
    async run(call) {
      const [one] = call.args;
      const model = textFlag(call, 'model');
      const seen = textFlag(call, 'shown');
      if (seen !== undefined && one === undefined) throw wrongUse('--shown: expected the agent before it');
      const body = {
        ...(call.flags['dry-run'] === true ? { dryRun: true } : {}),
        ...(model === undefined ? {} : { model }),
        ...(seen === undefined ? {} : { shown: seen }),
      };
      const names = one === undefined ? (await call.client().call('agents')).map(({ name }) => name) : [one];
      const answers: { agent: string; answer: RunAnswer }[] = [];
      // One after the other: each uses a share of the coordinator.
      for (const agent of names)
        answers.push({ agent, answer: await call.client().call('memoryConsolidate', { params: { agent }, body }) });
      const shown = one === undefined ? answers.map(({ agent, answer }) => ({ agent, ...answer })) : answers[0]?.answer;
      call.show(shown, () =>
        answers.length === 0
          ? 'No agents yet: there is nothing to consolidate.'
          : answers.map(({ agent, answer }) => answerLines(agent, answer, call)).join('\n'),
      );
    },
  },
  {
    words: 'memory consolidate undo',
    args: '<run>',
    text: 'Takes a run back: its marks count no more, and what it wrote is erased as the node of the agent writes that.',
    async run(call) {
      const run = argument(call, 0, '<run>');
      await call.client().call('memoryRunUndo', { params: { run } });
      call.show({ run, undone: true }, () => `${run} is taken back.`);
    },
  },
  {
    words: 'memory runs',
    args: '[run]',
    text: 'Runs of consolidation, newest first, or what one of them found.',
    flags: {
      agent: { type: 'string', value: '<agent>', text: 'Only of this agent.' },
      limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 100 by default.' },
    },
    async run(call) {
      const [run] = call.args;
      const head = ['RUN', 'AGENT', 'WHEN', 'BY', 'MODEL', 'FOUND', 'STATE'];
      const now = call.clock.nowMs();
      const lines = (runs: MemoryRun[]) => table(head, runRows(runs, now), call.columns, call.paint);
      if (run !== undefined) {
        const found = await call.client().call('memoryRun', { params: { run } });
        call.show(found, () => [lines([found.run]), ...resultLines(found.results, call)].join('\n'));
        return;
      }
      const agent = textFlag(call, 'agent');
      const limit = numberFlag(call, 'limit');
      const query = { ...(agent === undefined ? {} : { agent }), ...(limit === undefined ? {} : { limit }) };
      const runs = await call.client().call('memoryRuns', { query });
      call.show(runs, () => (runs.length === 0 ? 'There are none.' : lines(runs)));
    },
  },
];
