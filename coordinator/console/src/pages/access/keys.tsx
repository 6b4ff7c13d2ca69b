// The keys there are, without their secrets; those that were revoked stand last.
import type { KeyView } from '@blackroad/protocol';
import { call } from '../../data/api.ts';
import { useNow } from '../../data/clock.ts';
import { queries, useRoute } from '../../data/query.ts';
import { useMay, useMe } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Panel, ScrollX } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { say } from '../../kit/toasts.tsx';

/** When a key was last used is worth seeing as it moves. */
const againMs = 15_000;

export function Keys() {
  const keys = useRoute('keys', {}, { refetchInterval: againMs });
  return (
    <Panel title="Keys" bare>
      <Loaded of={keys}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No key yet" />
          ) : (
            <ScrollX label="Keys">
              <table className="plain-table">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Role</th>
                    <th scope="col">State</th>
                    <th scope="col">Last used</th>
                    <th scope="col">Created</th>
                    <th scope="col">
                      <span className="sr-only">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {[...list].sort(inOrder).map((key) => (
                    <KeyRow key={key.id} of={key} />
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
const inOrder = (a: KeyView, b: KeyView) =>
  Number(a.revoked) - Number(b.revoked) || a.name.localeCompare(b.name) || b.createdMs - a.createdMs;

function KeyRow({ of: key }: { of: KeyView }) {
  const may = useMay();
  const me = useMe();
  const now = useNow(60_000);
  const isOver = key.expiresMs !== null && key.expiresMs <= now;
  return (
    <tr className={key.revoked || isOver ? 'dim' : undefined}>
      <th scope="row">
        {key.name}
        <span className="dim small">
          <code>{key.id}</code>
        </span>
      </th>
      <td>
        <Tag tone={key.role === 'admin' ? 'violet' : key.role === 'operator' ? 'info' : 'dim'}>{key.role}</Tag>
      </td>
      <td>
        {key.revoked ? (
          <Status of="cancelled" word="revoked" />
        ) : isOver ? (
          <Status of="cancelled" word="expired" />
        ) : (
          <Status of="fine" word="good" />
        )}
        {!key.revoked && !isOver && key.expiresMs !== null && (
          <span className="dim small">
            ends <Time at={key.expiresMs} />
          </span>
        )}
      </td>
      <td>
        <Time at={key.lastUsedMs} />
      </td>
      <td>
        <Time at={key.createdMs} />
      </td>
      <td className="row-acts">
        {key.isLastAdmin && <span className="dim small">the last admin key: make another to revoke it</span>}
        {may('keyRevoke') && !key.revoked && !key.isLastAdmin && (
          <ConfirmButton
            look="quiet"
            aria-label={`Revoke ${key.name}`}
            title={`Revoke the key of ${key.name}?`}
            text={`It stops working at once, and consoles signed in with it are signed out${key.id === me.id ? ', this one too: it is the key you are signed in with' : ''}. It cannot be made good again; a new key can be created.`}
            verb="Revoke it"
            act={async () => {
              await call('keyRevoke', { params: { id: key.id } });
              say({ text: `The key of ${key.name} is revoked.` });
              for (const stale of ['keys', 'sessions', 'audit'] as const) {
                void queries.invalidateQueries({ queryKey: [stale] });
              }
            }}
          >
            Revoke
          </ConfirmButton>
        )}
      </td>
    </tr>
  );
}
