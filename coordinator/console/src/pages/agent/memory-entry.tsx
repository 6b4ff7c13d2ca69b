// One memory in a list: its kind, text, author and time; its place in the chain on demand.
import type { DocumentPlace, ImportedFrom, MemoryEntry, MemoryHit } from '@blackroad/protocol';
import { entryText } from '@blackroad/protocol/memory-key';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { DocumentLink } from '../../fleet/document-link.tsx';
import { kindInWords } from '../../fleet/memory-kinds.ts';
import { Time } from '../../fleet/time.tsx';
import { Facts } from '../../kit/layout.tsx';
import { Tag } from '../../kit/status.tsx';
import { percent } from '../../kit/words.ts';
import { EraseMemory } from './erase-memory.tsx';

interface Shown {
  seq: number;
  epoch: number;
  hash: string;
  kind: string;
  actorId: string;
  createdAt: number;
}

/** What these say is how the log itself went, and nothing that anybody told. */
const isOfTheLog: ReadonlySet<string> = new Set(['genesis', 'migrate', 'withdraw', 'mark']);

export function EntryRow({
  entry,
  newEpoch,
  anchored,
  agent,
}: {
  entry: MemoryEntry;
  /** Its name. */
  agent: string;
  newEpoch: boolean;
  /** The last entry under a signed checkpoint. */
  anchored: number;
}) {
  const { payload } = entry;
  return (
    <>
      <Row
        entry={entry}
        agent={agent}
        document={payload?.document}
        imported={payload?.imported}
        text={entryText(entry)}
        tags={payload?.tags ?? []}
        source={payload?.source ?? ''}
        act={payload && !isOfTheLog.has(entry.kind) && <EraseMemory agent={agent} seq={entry.seq} />}
        more={[
          ['State', entry.seq <= anchored ? 'anchored: under a signed checkpoint' : 'acked: stored by the coordinator'],
          ['Hash', <code key="hash">{entry.hash}</code>],
          ['Follows', <code key="previous">{entry.previousHash}</code>],
          ['Commitment', <code key="commitment">{entry.payloadCommitment}</code>],
          ...(payload ? ([['Importance', percent(payload.importance)]] as [string, ReactNode][]) : []),
          ...(payload?.embedding
            ? ([['Embedded by', `${payload.embedding.model}, ${payload.embedding.dimension} figures`]] as [
                string,
                ReactNode,
              ][])
            : []),
          ...(payload && payload.derivedFrom.length > 0
            ? ([['Derived from', <code key="from">{payload.derivedFrom.join(', ')}</code>]] as [string, ReactNode][])
            : []),
        ]}
      />
      {newEpoch && (
        <li className="memory-epoch small dim">
          <span>epoch {entry.epoch} begins</span>
        </li>
      )}
    </>
  );
}
export function HitRow({ hit }: { hit: MemoryHit }) {
  return (
    <Row
      entry={hit}
      agent={hit.agent}
      document={hit.document}
      text={hit.text}
      tags={hit.tags}
      source={hit.source}
      more={[
        ['Hash', <code key="hash">{hit.hash}</code>],
        ['Importance', percent(hit.importance)],
        ['Likeness', hit.score.toFixed(3)],
      ]}
    />
  );
}

/** Where an imported memory is from. */
function Origin({ of: { agent, kind, atMs, isVerified } }: { of: ImportedFrom }) {
  return (
    <p className="small dim">
      From {agent}: {kindInWords(kind)}
      {atMs !== null && (
        <>
          , <Time at={atMs} />
        </>
      )}
      {!isVerified && '; its hash was not verified'}
    </p>
  );
}

function Row({
  entry,
  agent,
  document,
  imported,
  text,
  tags,
  source,
  more,
  act = null,
}: {
  entry: Shown;
  agent: string;
  document: DocumentPlace | undefined;
  imported?: ImportedFrom | undefined;
  text: string | null;
  tags: readonly string[];
  source: string;
  more: [string, ReactNode][];
  act?: ReactNode;
}) {
  const task = /^task:([a-z0-9-]+)$/.exec(source)?.[1];
  return (
    <li className={`memory-entry kind-${entry.kind}`}>
      <div className="row wrap small dim">
        <strong>{kindInWords(entry.kind)}</strong>
        <span className="figure">#{entry.seq}</span>
        {tags.map((tag) => (
          <Tag key={tag}>{tag}</Tag>
        ))}
        <span className="grow" />
        <span>
          {entry.actorId.replace(/^[a-z]+:/, '')}, <Time at={entry.createdAt} />
        </span>
        {act}
      </div>
      {text === null ? (
        <p className="dim">Its content was erased; the chain still verifies.</p>
      ) : (
        text && <p className="said-text memory-text">{text}</p>
      )}
      {document && entry.kind !== 'withdraw' && (
        <p className="small">
          <DocumentLink agent={agent} place={document} />
        </p>
      )}
      {imported && text !== null && <Origin of={imported} />}
      <details className="small">
        <summary className="dim">Its place in the chain</summary>
        <Facts
          rows={[
            ['Epoch', String(entry.epoch)],
            ['Written by', entry.actorId],
            source
              ? [
                  'Came from',
                  task ? (
                    <Link key="source" to="/tasks/$task" params={{ task }}>
                      task {task}
                    </Link>
                  ) : (
                    source
                  ),
                ]
              : null,
            ...more,
          ]}
        />
      </details>
    </li>
  );
}
