// Batches: files of requests that are answered when nobody else needs the machines. One row a batch with its progress; its answers and
// errors are files to save. Others' batches show what they take of the fleet, not what they ask.
import type { BatchView } from '@blackroad/protocol';
import { batchFaultInWords, batchShare, batchStateWords, isBatchOver } from '@blackroad/protocol/batch-words';
import { Download, Layers, Upload } from 'lucide-react';
import { useRef } from 'react';
import { addressOf } from '../../data/api.ts';
import { submitBatch } from '../../data/batches.ts';
import { useAct, useRoute, useWork } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { count, plural } from '../../kit/words.ts';

const againMs = 15_000;
/** While one is at work, people watch. */
const soonMs = 2_000;
/** More are the API's: the newest ones are what people look for. */
const rowsShown = 200;
const faultsShown = 5;

export default function BatchesPage() {
  const batches = useRoute(
    'batches',
    {},
    { refetchInterval: ({ state: { data } }) => (data?.some((batch) => !isBatchOver(batch)) ? soonMs : againMs) },
  );
  return (
    <div className="page-stack">
      <PageHead
        title="Batches"
        text="Files of requests that are answered when nobody else needs the machines."
        actions={<Submit />}
      />
      <Panel title="Batches" bare>
        <Loaded of={batches} lines={5}>
          {(list) =>
            list.length === 0 ? (
              <Empty title="No batch yet" icon={<Layers />}>
                <p>
                  A JSONL file with one request a line, in the form of OpenAI's batches, is answered as the machines
                  have time, within 24 hours. Programs submit theirs at <code>/v1/batches</code>.
                </p>
              </Empty>
            ) : (
              <>
                <PlainTable
                  label="Batches"
                  className="batches-table"
                  columns={columns}
                  rows={list.slice(0, rowsShown)}
                  rowId={({ id }) => id}
                />
                {list.length > rowsShown && (
                  <p className="dim small batches-more">
                    The {rowsShown} newest of {plural(list.length, 'batch')}.
                  </p>
                )}
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  );
}

function Submit() {
  const input = useRef<HTMLInputElement>(null);
  const submit = useWork(submitBatch, { done: (name) => `${name} is submitted.`, stales: ['batches'] });
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".jsonl,.ndjson,application/jsonl"
        className="sr-only"
        tabIndex={-1}
        aria-label="File of requests"
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          if (file) submit.mutate(file);
          // The same file may be chosen again.
          currentTarget.value = '';
        }}
      />
      <Button look="primary" icon={<Upload />} busy={submit.isPending} onClick={() => input.current?.click()}>
        Submit a file
      </Button>
    </>
  );
}

const columns: PlainColumn<BatchView>[] = [
  {
    title: 'Batch',
    cell: ({ id, own, file }) => (
      <>
        {own ? (file ?? 'file deleted') : 'of another key'}
        <span className="dim small">
          <code>{id}</code>
        </span>
      </>
    ),
  },
  { title: 'State', cell: (batch) => <State of={batch} /> },
  { title: 'Progress', className: 'batches-progress', cell: (batch) => <Progress of={batch} /> },
  {
    title: 'Failed',
    align: 'end',
    cell: ({ failed }) => (failed > 0 ? <span className="bad">{count(failed)}</span> : '–'),
  },
  { title: 'Key', cell: ({ key }) => <code>{key}</code> },
  {
    title: 'Submitted',
    cell: ({ createdMs, expiresMs, endedMs }) => (
      <>
        <Time at={createdMs} />
        <span className="dim small">
          {endedMs === null ? 'ends ' : 'ended '}
          <Time at={endedMs ?? expiresMs} />
        </span>
      </>
    ),
  },
  { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: (batch) => <Acts of={batch} /> },
];

const looks: Record<BatchView['state'], string> = {
  validating: 'starting',
  in_progress: 'running',
  cancelling: 'waiting',
  completed: 'done',
  failed: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
};
function State({ of: { state, faults } }: { of: BatchView }) {
  return (
    <>
      <Status of={looks[state]} word={batchStateWords[state]} />
      {faults.length > 0 && (
        <ul className="batches-faults small">
          {faults.slice(0, faultsShown).map((fault) => (
            <li key={`${fault.line} ${fault.message}`}>{batchFaultInWords(fault)}</li>
          ))}
          {faults.length > faultsShown && <li className="dim">and {faults.length - faultsShown} more</li>}
        </ul>
      )}
    </>
  );
}

function Progress({ of: batch }: { of: BatchView }) {
  const { total, completed, failed, state } = batch;
  if (total === 0) return <span className="dim">{isBatchOver(batch) ? '–' : 'not counted yet'}</span>;
  return (
    <>
      {count(completed + failed)} of {count(total)}
      <span className="bar" aria-hidden="true">
        <span className={state === 'completed' ? 'good' : ''} style={{ width: `${batchShare(batch) * 100}%` }} />
      </span>
    </>
  );
}

function Acts({ of: batch }: { of: BatchView }) {
  const { id, own, answersFile, errorsFile } = batch;
  const end = useAct('batchEnd', { done: () => 'The batch is cancelled.', stales: ['batches', 'audit'] });
  if (!isBatchOver(batch))
    return batch.state === 'cancelling' ? null : (
      <ConfirmButton
        look="quiet"
        aria-label={`Cancel ${id}`}
        title="Cancel this batch?"
        text={
          own
            ? 'What is answered stays and can be saved; the rest is not asked.'
            : `It is of the key ${batch.key}, who keeps what is answered; the rest is not asked.`
        }
        verb="Cancel it"
        act={() => end.run({ params: { batch: id } })}
      >
        Cancel
      </ConfirmButton>
    );
  return (
    <>
      {answersFile !== null && <Save file={answersFile} name={`${id}.jsonl`} text="Answers" />}
      {errorsFile !== null && <Save file={errorsFile} name={`${id}.errors.jsonl`} text="Errors" />}
    </>
  );
}

function Save({ file, name, text }: { file: string; name: string; text: string }) {
  return (
    <a className="button quiet" href={addressOf('fileContent', { params: { file } })} download={name}>
      <Download />
      {text}
    </a>
  );
}
