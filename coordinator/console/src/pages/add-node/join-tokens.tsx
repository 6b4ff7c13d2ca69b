// The join tokens that are still valid, with a button to revoke each.
import type { JoinTokenView } from '@blackroad/protocol';
import { useNow } from '../../data/clock.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Left } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Tag } from '../../kit/status.tsx';

export function JoinTokens({ made }: { made: string | null }) {
  const tokens = useRoute('joinTokens', {}, { refetchInterval: 5_000 });
  const now = useNow(5_000);
  return (
    <Loaded of={tokens}>
      {(all) => {
        const good = all.filter(({ revoked, usesLeft, expiresMs }) => !revoked && usesLeft > 0 && expiresMs > now);
        if (good.length === 0) return null;
        return (
          <Panel title="Commands that still work" bare>
            <PlainTable
              label="Join tokens"
              columns={columns}
              rows={good
                .sort((a, b) => b.createdMs - a.createdMs)
                .map((token) => ({ ...token, isNew: token.id === made }))}
              rowId={({ id }) => id}
            />
          </Panel>
        );
      }}
    </Loaded>
  );
}

const columns: PlainColumn<JoinTokenView & { isNew: boolean }>[] = [
  {
    title: 'Token',
    cell: ({ id, isNew }) => (
      <>
        <code>{id}</code> {isNew && <Tag tone="info">above</Tag>}
      </>
    ),
  },
  {
    title: 'Uses left',
    cell: ({ usesLeft, uses }) => (
      <>
        {usesLeft} of {uses}
      </>
    ),
  },
  { title: 'Site', cell: ({ site }) => site },
  { title: 'Class', cell: (token) => token.class ?? 'detected' },
  { title: 'Valid for', cell: ({ expiresMs }) => <Left until={expiresMs} /> },
  { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: ({ id }) => <Revoke id={id} /> },
];

function Revoke({ id }: { id: string }) {
  const may = useMay();
  const revoke = useAct('joinTokenRevoke', {
    done: () => 'The command works no more.',
    stales: ['joinTokens', 'audit'],
  });
  if (!may('joinTokenRevoke')) return null;
  return (
    <Button
      look="quiet"
      aria-label={`Revoke ${id}`}
      busy={revoke.isPending}
      onClick={() => revoke.mutate({ params: { id } })}
    >
      Revoke
    </Button>
  );
}
