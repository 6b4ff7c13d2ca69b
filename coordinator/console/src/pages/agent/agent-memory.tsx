// The memory of an agent: its log as a timeline, newest first, searched by words; the verification of the chain; and the branches of lost
// nodes that wait to be merged.
import type { AgentView, MemoryEntry } from '@blackroad/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { BookOpen, ChevronDown } from 'lucide-react';
import { useDeferredValue, useEffect, useState } from 'react';
import { type ApiProblem, call } from '../../data/api.ts';
import { useRoute } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { SearchField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Empty, Failure, Loaded, Loading } from '../../kit/states.tsx';
import { plural } from '../../kit/words.ts';
import { MemoryBranches } from './memory-branches.tsx';
import { MemoryChain } from './memory-chain.tsx';
import { MemoryDocuments } from './memory-documents.tsx';
import { EntryRow, HitRow } from './memory-entry.tsx';
import { ExportMemory, ImportMemory } from './memory-file.tsx';
import { GiveMemory, MemoryWaiting } from './memory-given.tsx';
import { MemoryValues } from './memory-values.tsx';

const perPage = 50;
const hits = 30;

export default function AgentMemory({ agent }: { agent: AgentView }) {
  const [q, setQ] = useState('');
  const asked = useDeferredValue(q.trim());
  return (
    <div className="page-stack">
      <MemoryChain agent={agent} />
      <MemoryBranches agent={agent} />
      <MemoryValues agent={agent} />
      <MemoryDocuments agent={agent.name} />
      <MemoryWaiting agent={agent.name} />
      <Panel
        bare
        className="memory-panel"
        title="What it remembers"
        aside={
          <>
            <ExportMemory agent={agent.name} empty={agent.memory.seq === 0} />
            <ImportMemory agent={agent.name} />
            <GiveMemory agent={agent.name} />
            <SearchField label={`Search what ${agent.name} remembers`} placeholder="Search" value={q} onValue={setQ} />
          </>
        }
      >
        {asked ? <Hits agent={agent} q={asked} /> : <Timeline agent={agent} />}
      </Panel>
    </div>
  );
}

function Hits({ agent, q }: { agent: AgentView; q: string }) {
  const found = useRoute(
    'memorySearch',
    { query: { q, agent: agent.name, limit: hits } },
    { placeholderData: (before) => before },
  );
  return (
    <Loaded of={found}>
      {(list) =>
        list.length === 0 ? (
          <Empty title="Nothing like it">
            <p>Words are looked for, and meaning where the memories were embedded.</p>
          </Empty>
        ) : (
          <ol className="memory-list" aria-label="Found memories">
            {list.map((hit) => (
              <HitRow key={hit.hash} hit={hit} />
            ))}
          </ol>
        )
      }
    </Loaded>
  );
}

/** Pages from the newest backward; the log is read forward from a number, so a page begins that many before the one after it. */
function useLog(name: string, start: number) {
  const log = useInfiniteQuery<MemoryEntry[], ApiProblem, { pages: MemoryEntry[][] }, unknown[], number>({
    // Pages that an earlier visit read end before what has come since.
    queryKey: ['memoryLog', name, 'pages', start],
    queryFn: async ({ pageParam, signal }) => {
      const after = Math.max(0, pageParam - perPage);
      const query = { after, limit: Math.max(1, pageParam - after) };
      return (await call('memoryLog', { params: { agent: name }, query, signal })).reverse();
    },
    initialPageParam: start,
    getNextPageParam: (last) => {
      const first = last.at(-1)?.seq ?? 1;
      return first > 1 ? first - 1 : undefined;
    },
    enabled: start > 0,
  });
  return log;
}

function Timeline({ agent }: { agent: AgentView }) {
  // Entries only ever come on top: the pages below stand, and what is new is read from the end of the first.
  const { seq } = agent.memory;
  const [start] = useState(seq);
  const log = useLog(agent.name, start);
  const newer = useRoute(
    'memoryLog',
    { params: { agent: agent.name }, query: { after: start, limit: 1000 } },
    { enabled: seq > start },
  );
  const { refetch } = newer;
  useEffect(() => {
    if (seq > start) void refetch();
  }, [seq, start, refetch]);
  if (seq === 0) {
    return (
      <Empty title="It remembers nothing yet" icon={<BookOpen />}>
        <p>
          {agent.spec.memory.remember === 'none'
            ? 'Its spec says that nothing is remembered.'
            : 'Its first exchange is its first memory.'}
        </p>
      </Empty>
    );
  }
  if (log.error && !log.data) return <Failure error={log.error} retry={log.refetch} />;
  if (!log.data && start > 0) return <Loading lines={8} label="Loading memories" />;
  const known = new Map<number, MemoryEntry>();
  for (const entry of [...(newer.data ?? []), ...(log.data?.pages.flat() ?? [])]) known.set(entry.seq, entry);
  const entries = [...known.values()].sort((a, b) => b.seq - a.seq);
  return (
    <>
      <ol className="memory-list" aria-label={`Memories of ${agent.name}, newest first`}>
        {entries.map((entry, i) => (
          <EntryRow
            key={entry.hash}
            entry={entry}
            agent={agent.name}
            newEpoch={entries[i + 1]?.epoch !== entry.epoch}
            anchored={agent.memory.anchored?.seq ?? 0}
          />
        ))}
      </ol>
      <p className="memory-foot row wrap small dim">
        <span>
          {entries.length.toLocaleString('en')} of {plural(seq, 'entry')}
        </span>
        {log.hasNextPage && (
          <Button
            look="quiet"
            icon={<ChevronDown />}
            busy={log.isFetchingNextPage}
            onClick={() => void log.fetchNextPage()}
          >
            Earlier
          </Button>
        )}
      </p>
    </>
  );
}
