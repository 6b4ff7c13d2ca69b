// The consoles that are signed in: all of them to an admin, else those of one's own key.
import type { SessionView } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Tag } from '../../kit/status.tsx';

export function Sessions() {
  const sessions = useRoute('sessions', {}, { refetchInterval: 30_000 });
  return (
    <Panel title="Signed in" bare>
      <Loaded of={sessions}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No console is signed in">
              <p>You came in with a key that makes no session.</p>
            </Empty>
          ) : (
            <PlainTable label="Signed in" columns={columns} rows={[...list].sort(inOrder)} rowId={({ id }) => id} />
          )
        }
      </Loaded>
    </Panel>
  );
}
const inOrder = (a: SessionView, b: SessionView) => Number(b.current) - Number(a.current) || b.createdMs - a.createdMs;

const columns: PlainColumn<SessionView>[] = [
  {
    title: 'Name',
    cell: ({ name, current }) => (
      <>
        {name} {current && <Tag tone="info">this one</Tag>}
      </>
    ),
  },
  { title: 'Role', cell: ({ roles }) => roles.join(', ') },
  { title: 'From', cell: ({ address }) => <span className="figure">{address}</span> },
  { title: 'Since', cell: ({ createdMs }) => <Time at={createdMs} /> },
  { title: 'Ends', cell: ({ expiresMs }) => <Time at={expiresMs} /> },
  {
    title: 'Actions',
    isTitleHidden: true,
    className: 'row-acts',
    cell: (session) => !session.current && <SignOut session={session} />,
  },
];

function SignOut({ session }: { session: SessionView }) {
  const end = useAct('sessionEnd', {
    done: () => `${session.name} is signed out there.`,
    stales: ['sessions'],
  });
  return (
    <Button
      look="quiet"
      busy={end.isPending}
      aria-label={`Sign out ${session.name} at ${session.address}`}
      onClick={() => end.mutate({ params: { id: session.id } })}
    >
      Sign out
    </Button>
  );
}
