// Verbs for batches: files of requests that the fleet answers when nobody else needs its machines. In: a JSONL file. Out: another one with
// the answers.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  type BatchView,
  batchFaultInWords,
  batchShare,
  batchStateWords,
  counted,
  endpointOfLine,
  FleetError,
  isBatchOver,
} from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { harmless } from '@blackroad/std/harmless';
import { firstLine } from '../first-line.ts';
import { savePieces } from '../save-pieces.ts';
import { argument, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, bar, duration, table } from '../words.ts';

type Endpoint = BatchView['endpoint'];
const lookEveryMs = 1_000;
/** Looks in a row at a coordinator that does not answer. */
const maxAway = 120;
const barCells = 20;

export const batchVerbs: Verb[] = [
  {
    words: 'batches',
    args: '',
    text: 'Lists batches with their progress: files of requests that are answered when nobody else needs the machines.',
    async run(call) {
      const all = await call.client().call('batches');
      const rows = all.map((batch) => [
        batch.id,
        batchStateWords[batch.state],
        doneOf(batch),
        String(batch.failed),
        batch.key,
        ago(batch.createdMs, call.clock.nowMs()),
        batch.file ?? '-',
      ]);
      call.show(all, () =>
        all.length === 0
          ? `No batches. Submit one: ${call.as.fleet('batches submit requests.jsonl')}`
          : table(['BATCH', 'STATE', 'DONE', 'FAILED', 'KEY', 'SUBMITTED', 'FILE'], rows, call.columns, call.paint, [
              'KEY',
              'SUBMITTED',
            ]),
      );
    },
  },
  {
    words: 'batches submit',
    args: '<file>',
    text: "Submits a JSONL file with one request a line, in the form of OpenAI's batches, as a batch of your key.",
    flags: {
      wait: { type: 'boolean', text: 'Waits until it is over and shows its progress; fails where the batch does.' },
    },
    async run(call) {
      const path = argument(call, 0, '<file>');
      const endpoint = await endpointOf(path);
      const { size } = await stat(path);
      const client = call.client();
      const file = await client.upload('fileCreate', {
        ...{ name: basename(path), bytes: size, fields: { purpose: 'batch' } },
        content: () => createReadStream(path, { end: Math.max(0, size - 1) }),
      });
      const order = { input_file_id: file.id, endpoint, completion_window: '24h' } as const;
      const { id } = await client.call('batchCreate', { body: order }).catch(async (error: unknown) => {
        // Nobody would know of the file.
        await client.call('fileDelete', { params: { file: file.id } }).catch(() => {});
        throw error;
      });
      const batch = call.flags.wait === true ? await waitFor(call, id) : await batchNamed(call, id);
      call.show(batch, () => screen(batch, call));
      if (batch.state === 'failed') process.exitCode = 1;
    },
  },
  {
    words: 'batches show',
    args: '<batch>',
    text: 'One batch: its progress, when it ends, and why it failed.',
    completes: 'batches',
    async run(call) {
      const batch = await batchNamed(call, argument(call, 0, '<batch>'));
      call.show(batch, () => screen(batch, call));
    },
  },
  {
    words: 'batches result',
    args: '<batch>',
    text: 'Prints the answers of a batch of your key as JSONL, one line a request; with --json as one array.',
    completes: 'batches',
    flags: {
      errors: { type: 'boolean', text: 'The requests that failed, with their errors, in place of the answers.' },
      to: { type: 'string', value: '<file>', text: 'Writes them to this file, whole or not at all.' },
    },
    async run(call) {
      const batch = await batchNamed(call, argument(call, 0, '<batch>'));
      const params = { file: resultFile(batch, call.flags.errors === true, call) };
      const to = textFlag(call, 'to');
      const pieces = call.client().download('fileContent', { params });
      if (to !== undefined) {
        await savePieces(pieces, to);
        call.show({ file: to }, () => `Written to ${to}.`);
        return;
      }
      if (call.json) {
        const parts: Buffer[] = [];
        for await (const piece of pieces) parts.push(piece);
        const lines = Buffer.concat(parts).toString('utf8').split('\n');
        call.show(
          lines.filter((line) => line !== '').map((line) => JSON.parse(line)),
          () => '',
        );
        return;
      }
      const decoder = new TextDecoder();
      for await (const piece of pieces) {
        const text = decoder.decode(piece, { stream: true });
        call.write(call.interactive ? harmless(text) : text);
      }
    },
  },
  {
    words: 'batches cancel',
    args: '<batch>',
    text: 'Cancels a batch. What is answered stays in its result.',
    completes: 'batches',
    async run(call) {
      const params = { batch: argument(call, 0, '<batch>') };
      const batch = await call.client().call('batchEnd', { params });
      call.show(batch, () => `The batch is cancelled: ${doneOf(batch)} requests were answered or failed.`);
    },
  },
];

const doneOf = ({ total, completed, failed }: BatchView) =>
  total === 0 ? '-' : `${(completed + failed).toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`;

const batchNamed = (call: VerbCall, batch: string) => call.client().call('batch', { params: { batch } });

async function endpointOf(path: string): Promise<Endpoint> {
  const found = endpointOfLine(await firstLine(path));
  if ('fault' in found) throw wrongUse(`${path}: ${found.fault}.`);
  return found.endpoint;
}

async function waitFor(call: VerbCall, id: string): Promise<BatchView> {
  let told = -1;
  let away = 0;
  for (;;) {
    await sleep(call.clock, lookEveryMs, call.signal).catch(() => {});
    if (call.signal.aborted)
      throw new FleetError('unavailable', {
        detail: `The batch goes on; look at it with ${call.as.fleet(`batches show ${id}`)}`,
      });
    const batch = await batchNamed(call, id).catch((error: unknown) => {
      // A coordinator that restarts goes on with it.
      if (!(error instanceof FleetError) || error.code !== 'no-coordinator' || ++away > maxAway) throw error;
      return null;
    });
    if (!batch) continue;
    away = 0;
    if (isBatchOver(batch)) return batch;
    const share = Math.floor(batchShare(batch) * 100);
    // On a log a line for each tenth is enough.
    const mark = call.interactive ? share : Math.floor(share / 10);
    if (mark !== told) call.note(`${batchStateWords[batch.state]}  ${bar(share / 100, barCells)}  ${doneOf(batch)}`);
    told = mark;
  }
}

function screen(batch: BatchView, call: VerbCall): string {
  const { clock, as, paint } = call;
  const rows: [string, string][] = [
    ['batch', batch.id],
    ['state', batchStateWords[batch.state]],
    ['requests', batch.total === 0 ? 'not counted yet' : `${bar(batchShare(batch), barCells)} ${doneOf(batch)}`],
    ['failed', String(batch.failed)],
    ['asks', batch.endpoint],
    ['of', `key ${batch.key}${batch.file === null ? '' : `, file ${batch.file}`}`],
    ['submitted', ago(batch.createdMs, clock.nowMs())],
    batch.endedMs === null
      ? ['ends', `within ${duration(batch.expiresMs - clock.nowMs())}, with what it has then`]
      : ['ended', ago(batch.endedMs, clock.nowMs())],
    ...(batch.answersFile === null ? [] : [['answers', as.fleet(`batches result ${batch.id}`)] as [string, string]]),
    ...(batch.errorsFile === null
      ? []
      : [['errors', as.fleet(`batches result ${batch.id} --errors`)] as [string, string]]),
  ];
  const lines = rows.map(([name, value]) => `${paint('dim', name.padEnd(10))} ${value}`);
  for (const fault of batch.faults) lines.push(`${paint('red', 'fault'.padEnd(10))} ${batchFaultInWords(fault)}`);
  return lines.join('\n');
}

function resultFile(batch: BatchView, errors: boolean, call: VerbCall): string {
  const file = errors ? batch.errorsFile : batch.answersFile;
  if (file !== null) return file;
  const { as } = call;
  const conflict = (detail: string) => new FleetError('conflict', { detail });
  if (!batch.own) throw conflict(`The batch is of the key ${batch.key}, and only that key reads its answers.`);
  if (!isBatchOver(batch))
    throw conflict(`The batch is ${batchStateWords[batch.state]}: ${doneOf(batch)} requests are through.`);
  if (errors) throw conflict('No request of the batch failed.');
  if (batch.failed === 0) throw conflict('The batch has no answers.');
  throw conflict(
    `No request was answered, ${counted(batch.failed, 'request')} failed: ${as.fleet(`batches result ${batch.id} --errors`)}`,
  );
}
