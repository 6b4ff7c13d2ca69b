// The audit log, newest first; older pages are fetched by hand, and the search covers the fetched ones.
import type { AuditEntry } from '@blackroad/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { RefreshCw, ScrollText } from 'lucide-react';
import { useMemo } from 'react';
import { type ApiProblem, call } from '../../data/api.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import type { Column, Facet } from '../../kit/columns.ts';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Failure, Loading } from '../../kit/states.tsx';
import { VirtualTable } from '../../kit/virtual-table.tsx';

const pageRows = 200;
/** The newest page is looked at again this often; with older ones below it a person reads, and asks for news by hand. */
const newsMs = 5_000;
const idOf = ({ id }: AuditEntry) => String(id);
const kindOf = (actor: string) => actor.split(':')[0] as string;
const columns: Column<AuditEntry>[] = [
  {
    id: 'who',
    title: 'Who',
    width: 130,
    value: ({ actor }) => actor,
    cell: ({ actor }) => (
      <span className="cut" title={actor}>
        <span className="dim">{actor.includes(':') ? `${kindOf(actor)} ` : ''}</span>
        {actor.replace(/^[^:]*:/, '')}
      </span>
    ),
  },
  {
    id: 'did',
    title: 'Did',
    width: 215,
    phone: true,
    value: ({ title }) => title,
    cell: ({ title }) => (
      <span className="cut" title={title}>
        {title}
      </span>
    ),
  },
  { id: 'to', title: 'To', width: 105, value: ({ subject }) => subject },
  {
    id: 'what',
    title: 'What',
    width: 220,
    grow: 3,
    value: ({ text }) => text,
    cell: ({ text }) => (
      <span className="cut" title={text}>
        {text}
      </span>
    ),
  },
  {
    id: 'when',
    title: 'When',
    width: 110,
    grow: 0,
    largestFirst: true,
    value: ({ atMs }) => atMs,
    cell: ({ atMs }) => <Time at={atMs} />,
  },
];
const noteOf = ({ subject, text, atMs }: AuditEntry) => (
  <>
    <Time at={atMs} /> · {subject} · {text}
  </>
);
const facets: Facet<AuditEntry>[] = [
  { id: 'did', title: 'Did', value: ({ title }) => title },
  { id: 'who', title: 'Who', value: ({ actor }) => actor },
];

export default function AuditPage() {
  const log = useInfiniteQuery<AuditEntry[], ApiProblem>({
    queryKey: ['audit', 'pages'],
    queryFn: ({ pageParam, signal }) =>
      call('audit', { query: { limit: pageRows, ...(pageParam ? { before: String(pageParam) } : {}) }, signal }),
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : newsMs),
    initialPageParam: 0,
    getNextPageParam: (page) => (page.length < pageRows ? null : (page.at(-1)?.id ?? null)),
  });
  const rows = useMemo(() => log.data?.pages.flat() ?? [], [log.data]);
  return (
    <>
      <PageHead
        title="Audit"
        text="Every change a person, a key or a joining machine made. Entries are never edited."
        actions={
          <Button icon={<RefreshCw />} busy={log.isRefetching} onClick={() => void log.refetch()}>
            Refresh
          </Button>
        }
      />
      {log.error && rows.length === 0 ? (
        <Failure error={log.error} retry={log.refetch} />
      ) : (
        <Panel bare>
          {log.isPending ? (
            <div className="panel-body">
              <Loading lines={8} />
            </div>
          ) : (
            <VirtualTable<AuditEntry>
              id="audit"
              page="/audit"
              label="Audit"
              rows={rows}
              rowId={idOf}
              columns={columns}
              facets={facets}
              note={noteOf}
              empty={
                <Empty title="Nothing was done yet" icon={<ScrollText />}>
                  <p>Keys, tokens, nodes and agents leave a line here when somebody changes them.</p>
                </Empty>
              }
            />
          )}
          {rows.length > 0 && (
            <p className="row wrap audit-more">
              <span className="dim small grow">
                {log.hasNextPage ? 'Search and filters look at the entries fetched so far.' : 'These are all entries.'}
              </span>
              {log.hasNextPage && (
                <Button busy={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
                  Older entries
                </Button>
              )}
            </p>
          )}
        </Panel>
      )}
    </>
  );
}
