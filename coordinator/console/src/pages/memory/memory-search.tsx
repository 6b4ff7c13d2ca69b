// Searches memories by words and by meaning, of one agent or of all; a hit opens with its provenance.
import type { MemoryHit } from '@blackroad/protocol';
import { foundInWords, vectorsInWords } from '@blackroad/protocol/memory-words';
import { keepPreviousData } from '@tanstack/react-query';
import { BookOpen } from 'lucide-react';
import { useDeferredValue, useEffect, useId, useState } from 'react';
import { after } from '../../data/clock.ts';
import { useAgents } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { kindInWords } from '../../fleet/memory-kinds.ts';
import { Time } from '../../fleet/time.tsx';
import { useAddress } from '../../kit/address.ts';
import { SearchField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Empty, Failure, Loading } from '../../kit/states.tsx';
import { Tag } from '../../kit/status.tsx';
import { Entry } from './entry.tsx';
import { MemoryOnly, useMemoryOnly } from './memory-only.tsx';

const most = 50;
/** A pause in typing. */
const pauseMs = 250;
const suggested = 50;
const againMs = 15_000;

export function MemorySearch() {
  const [asked, setAsked] = useAddress('/memory', 'q');
  const [agent, setAgent] = useAddress('/memory', 'agent');
  const [text, setText] = useState(asked);
  const [open, setOpen] = useState<MemoryHit | null>(null);
  useEffect(() => (text === asked ? undefined : after(pauseMs, () => setAsked(text.trim()))), [text, asked, setAsked]);
  const q = useDeferredValue(asked.trim());
  const only = useMemoryOnly();
  const hits = useRoute(
    'memorySearch',
    { query: { q, limit: most, ...(agent ? { agent } : {}), ...only } },
    { enabled: q !== '', placeholderData: keepPreviousData },
  );
  return (
    <div className="stack">
      <div className="row wrap">
        <SearchField label="Search memories" value={text} onValue={setText} placeholder="What do they remember of …" />
        <AgentFilter value={agent} onValue={setAgent} />
        <MemoryOnly />
      </div>
      <ByMeaning />
      {q === '' ? (
        <Panel>
          <Empty title="Ask what your agents remember" icon={<BookOpen />}>
            <p>
              Every exchange and every note of every agent is searched. A name, a place, a date: what was said about it,
              by whom, and when.
            </p>
          </Empty>
        </Panel>
      ) : hits.error ? (
        <Failure error={hits.error} retry={hits.refetch} />
      ) : hits.data === undefined ? (
        <Loading lines={4} label="Searching" />
      ) : (
        <Hits hits={hits.data} q={q} agent={agent} isNarrow={Object.keys(only).length > 0} open={setOpen} />
      )}
      <Entry hit={open} close={() => setOpen(null)} />
    </div>
  );
}

/** Whether memories are found by meaning too. */
function ByMeaning() {
  const { data } = useRoute('memoryVectors', {}, { refetchInterval: againMs });
  return data ? <p className="dim small">{vectorsInWords(data)}</p> : null;
}

/** An agent by name; one that is not typed whole searches nothing, so it only counts when it is one. */
function AgentFilter({ value, onValue }: { value: string; onValue(agent: string): void }) {
  const { rows, list } = useAgents();
  const [typed, setTyped] = useState(value);
  const id = useId();
  const fitting = list.filter(({ name }) => name.includes(typed.trim())).slice(0, suggested);
  return (
    <>
      <input
        className="input facet"
        aria-label="Only of this agent"
        placeholder="of every agent"
        list={id}
        value={typed}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => {
          setTyped(target.value);
          const name = target.value.trim();
          if (name === '' || rows.has(name)) onValue(name);
        }}
        onBlur={() => onValue(typed.trim())}
      />
      <datalist id={id}>
        {fitting.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

interface HitsProps {
  hits: MemoryHit[];
  q: string;
  agent: string;
  isNarrow: boolean;
  open(hit: MemoryHit): void;
}
function Hits({ hits, q, agent, isNarrow, open }: HitsProps) {
  if (hits.length === 0) {
    return (
      <Panel>
        <Empty title={`Nothing about “${q}”`}>
          <p>
            {agent ? `${agent} remembers nothing with these words` : 'No agent remembers anything with these words'}
            {isNarrow ? ' of this kind, time and tag.' : '.'} Try another one: where no node has the model that made the
            vectors of the memories, search is by words alone.
          </p>
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel
      title={hits.length === most ? `The best ${most}` : hits.length === 1 ? 'One memory' : `${hits.length} memories`}
      bare
      aside={<span className="dim small">best first</span>}
    >
      <ul className="memory-hits">
        {hits.map((hit) => (
          <li key={hit.agent + hit.hash}>
            <button type="button" onClick={() => open(hit)}>
              <span className="memory-text">
                <Marked text={hit.text} words={q} />
              </span>
              <span className="row wrap dim small">
                <strong>{hit.agent}</strong>
                <Tag>{kindInWords(hit.kind)}</Tag>
                <Time at={hit.createdAt} />
                <span>by {foundInWords(hit)}</span>
                {hit.tags.map((tag) => (
                  <span key={tag}>#{tag}</span>
                ))}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The words that were asked for, marked in the text. */
function Marked({ text, words }: { text: string; words: string }) {
  const wanted = words
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (wanted.length === 0) return text;
  const pieces = text.split(new RegExp(`(${wanted.join('|')})`, 'giu'));
  return pieces.map((piece, i) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other name
    i % 2 === 1 ? <mark key={i}>{piece}</mark> : piece,
  );
}
