// The keys without their secrets; revoked ones are last.
import type { KeyView } from '@blackroad/protocol';
import { useNow } from '../../data/clock.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay, useMe } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { KeyBudget } from './key-budget.tsx';

/** When a key was last used is worth seeing as it moves. */
const againMs = 15_000;

export function Keys() {
  const keys = useRoute('keys', {}, { refetchInterval: againMs });
  const now = useNow(60_000);
  return (
    <Panel title="Keys" bare>
      <Loaded of={keys}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No key yet" />
          ) : (
            <PlainTable
              label="Keys"
              columns={columns}
              rows={list.map((key) => ({ ...key, isOver: isOver(key, now) })).sort(inOrder)}
              rowId={({ id }) => id}
              rowClass={(key) => (key.revoked || key.isOver ? 'dim' : undefined)}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
const isOver = ({ expiresMs }: KeyView, now: number) => expiresMs !== null && expiresMs <= now;
const inOrder = (a: KeyView, b: KeyView) =>
  Number(a.revoked) - Number(b.revoked) || a.name.localeCompare(b.name) || b.createdMs - a.createdMs;

const columns: PlainColumn<KeyView & { isOver: boolean }>[] = [
  {
    title: 'Name',
    cell: ({ id, name }) => (
      <>
        {name}
        <span className="dim small">
          <code>{id}</code>
        </span>
      </>
    ),
  },
  {
    title: 'Role',
    cell: ({ role }) => <Tag tone={role === 'admin' ? 'violet' : role === 'operator' ? 'info' : 'dim'}>{role}</Tag>,
  },
  {
    title: 'State',
    cell: ({ revoked, isOver, expiresMs }) => (
      <>
        {revoked ? (
          <Status of="cancelled" word="revoked" />
        ) : isOver ? (
          <Status of="cancelled" word="expired" />
        ) : (
          <Status of="fine" word="good" />
        )}
        {!revoked && !isOver && expiresMs !== null && (
          <span className="dim small">
            ends <Time at={expiresMs} />
          </span>
        )}
      </>
    ),
  },
  { title: 'Budget', cell: (key) => (key.revoked ? null : <KeyBudget of={key} />) },
  { title: 'Last used', cell: ({ lastUsedMs }) => <Time at={lastUsedMs} /> },
  { title: 'Created', cell: ({ createdMs }) => <Time at={createdMs} /> },
  {
    title: 'Actions',
    isTitleHidden: true,
    className: 'row-acts',
    cell: (key) =>
      key.isLastAdmin ? (
        <span className="dim small key-last">the last admin key: make another to revoke it</span>
      ) : (
        !key.revoked && <Revoke of={key} />
      ),
  },
];

function Revoke({ of: key }: { of: KeyView }) {
  const may = useMay();
  const me = useMe();
  const revoke = useAct('keyRevoke', {
    done: () => `The key of ${key.name} is revoked.`,
    stales: ['keys', 'sessions', 'audit'],
  });
  if (!may('keyRevoke')) return null;
  return (
    <ConfirmButton
      look="quiet"
      aria-label={`Revoke ${key.name}`}
      title={`Revoke the key of ${key.name}?`}
      text={`It stops working at once, and consoles signed in with it are signed out${key.id === me.id ? ', this one too: it is the key you are signed in with' : ''}. It cannot be made good again; a new key can be created.`}
      verb="Revoke it"
      act={() => revoke.run({ params: { id: key.id } })}
    >
      Revoke
    </ConfirmButton>
  );
}
