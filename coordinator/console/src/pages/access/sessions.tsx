// The consoles that are signed in: all of them to an admin, else those of one's own key.
import type { SessionView } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel, ScrollX } from '../../kit/layout.tsx';
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
            <ScrollX label="Signed in">
              <table className="plain-table">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Role</th>
                    <th scope="col">From</th>
                    <th scope="col">Since</th>
                    <th scope="col">Ends</th>
                    <th scope="col">
                      <span className="sr-only">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {[...list].sort(inOrder).map((session) => (
                    <SessionRow key={session.id} session={session} />
                  ))}
                </tbody>
              </table>
            </ScrollX>
          )
        }
      </Loaded>
    </Panel>
  );
}
const inOrder = (a: SessionView, b: SessionView) => Number(b.current) - Number(a.current) || b.createdMs - a.createdMs;

function SessionRow({ session }: { session: SessionView }) {
  const end = useAct('sessionEnd', {
    done: () => `${session.name} is signed out there.`,
    stales: ['sessions'],
  });
  return (
    <tr>
      <th scope="row">
        {session.name} {session.current && <Tag tone="info">this one</Tag>}
      </th>
      <td>{session.roles.join(', ')}</td>
      <td className="figure">{session.address}</td>
      <td>
        <Time at={session.createdMs} />
      </td>
      <td>
        <Time at={session.expiresMs} />
      </td>
      <td className="row-acts">
        {!session.current && (
          <Button
            look="quiet"
            busy={end.isPending}
            aria-label={`Sign out ${session.name} at ${session.address}`}
            onClick={() => end.mutate({ params: { id: session.id } })}
          >
            Sign out
          </Button>
        )}
      </td>
    </tr>
  );
}
