// One memory with its origin: its author, node and task, and its place in the hashed log; and the verification by the coordinator that
// nothing in that log was changed.
import type { MemoryEntry, MemoryHit, RouteAnswer } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { ShieldCheck } from 'lucide-react';
import { useRoute } from '../../data/query.ts';
import { DocumentLink } from '../../fleet/document-link.tsx';
import { kindInWords } from '../../fleet/memory-kinds.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Facts } from '../../kit/layout.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Failure, Loaded } from '../../kit/states.tsx';
import { Glyph, Tag } from '../../kit/status.tsx';
import { percent, plural } from '../../kit/words.ts';
import { sourceOf, writerOf } from './origin.ts';

/** How far back the opening of the epoch is looked for. */
const lookBack = 500;

export function Entry({ hit, close }: { hit: MemoryHit | null; close(): void }) {
  return (
    <Dialog
      open={hit !== null}
      onOpenChange={(open) => !open && close()}
      title={hit ? `Memory ${hit.seq} of ${hit.agent}` : ''}
      place="side"
    >
      {hit && <OneEntry key={hit.hash} hit={hit} />}
    </Dialog>
  );
}

function OneEntry({ hit }: { hit: MemoryHit }) {
  const log = useRoute('memoryLog', {
    params: { agent: hit.agent },
    query: { after: Math.max(0, hit.seq - lookBack), limit: lookBack },
  });
  return (
    <>
      <blockquote className="memory-quote">{hit.text}</blockquote>
      <Loaded of={log}>{(entries) => <Provenance hit={hit} entries={entries} />}</Loaded>
      <Proof agent={hit.agent} />
    </>
  );
}

function Provenance({ hit, entries }: { hit: MemoryHit; entries: MemoryEntry[] }) {
  const entry = entries.find(({ hash }) => hash === hit.hash);
  const node = writerOf(entries, hit);
  return (
    <Facts
      rows={[
        [
          'Agent',
          <Link key="a" to="/agents/$agent" params={{ agent: hit.agent }}>
            {hit.agent}
          </Link>,
        ],
        ['Kind', <Tag key="k">{kindInWords(hit.kind)}</Tag>],
        ['Written', <Time key="t" at={hit.createdAt} />],
        ['By', <code key="b">{hit.actorId}</code>],
        [
          'On node',
          node ? (
            <Link key="n" to="/nodes/$node" params={{ node }}>
              {node}
            </Link>
          ) : (
            <span key="n" className="dim">
              opened its epoch more than {lookBack} entries before
            </span>
          ),
        ],
        ['Epoch', `${hit.epoch}: the ${nth(hit.epoch)} placement of the agent`],
        [
          'From',
          hit.document ? (
            <DocumentLink key="f" agent={hit.agent} place={hit.document} />
          ) : (
            <From key="f" source={hit.source} />
          ),
        ],
        ['Importance', percent(hit.importance)],
        hit.tags.length > 0 && ['Tags', hit.tags.join(', ')],
        ['Hash', <Hash key="h" text={hit.hash} />],
        entry && ['Previous', <Hash key="p" text={entry.previousHash} />],
        entry?.payload?.derivedFrom.length
          ? ['Derived from', entry.payload.derivedFrom.map((hash) => <Hash key={hash} text={hash} />)]
          : null,
        entry?.payload?.embedding ? ['Embedded by', <code key="e">{entry.payload.embedding.model}</code>] : null,
      ]}
    />
  );
}
function nth(n: number): string {
  const tail = n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${tail}`;
}
const Hash = ({ text }: { text: string }) => <code className="memory-hash">{text}</code>;

function From({ source }: { source: string }) {
  const from = sourceOf(source);
  switch (from.kind) {
    case 'task':
      return (
        <Link to="/tasks/$task" params={{ task: from.task }}>
          task {from.task}
        </Link>
      );
    case 'branch':
      return `a branch of ${from.node}, epoch ${from.epoch}, merged in`;
    case 'node':
      return `the node ${from.node} itself`;
    default:
      return <code>{from.text}</code>;
  }
}

/** Recomputes the agent's whole log on the coordinator; only when asked, for a long log is work. */
function Proof({ agent }: { agent: string }) {
  const chain = useRoute('memoryVerify', { params: { agent } }, { enabled: false, staleTime: 0, gcTime: 0 });
  return (
    <section className="memory-proof" aria-label="Proof">
      <Button icon={<ShieldCheck />} busy={chain.isFetching} onClick={() => void chain.refetch()}>
        Verify the log of {agent}
      </Button>
      <div aria-live="polite">
        {chain.error ? <Failure error={chain.error} /> : chain.data && !chain.isFetching && <Verdict of={chain.data} />}
      </div>
    </section>
  );
}

export function Verdict({ of: chain }: { of: RouteAnswer<'memoryVerify'> }) {
  const { valid, entries, redacted, headSeq, headHash, fault, checkpoint } = chain;
  return (
    <div className="stack">
      <p className="row">
        <Glyph shape={valid ? 'tick' : 'cross'} tone={valid ? 'good' : 'bad'} />
        <strong>
          {valid
            ? `Whole: ${plural(entries, 'entry')} recomputed, each bound to the one before`
            : `Damaged at entry ${fault?.seq ?? '?'}`}
        </strong>
      </p>
      {fault && <p className="bad">{fault.text}</p>}
      <p className="dim small">
        {valid &&
          checkpoint &&
          `The first ${checkpoint.entries} have the root of the signed checkpoint ${checkpoint.number}. `}
        {redacted > 0 && `${plural(redacted, 'entry')} erased; the chain stands without their content. `}
        Head {headSeq}: <Hash text={headHash} />
      </p>
    </div>
  );
}
