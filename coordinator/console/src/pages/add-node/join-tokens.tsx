// Join tokens that still let somebody in, and a way to stop that.
import type { JoinTokenView } from '@blackroad/protocol';
import { useNow } from '../../data/clock.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Left } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel, ScrollX } from '../../kit/layout.tsx';
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
            <ScrollX label="Join tokens">
              <table className="plain-table">
                <thead>
                  <tr>
                    <th scope="col">Token</th>
                    <th scope="col">Uses left</th>
                    <th scope="col">Site</th>
                    <th scope="col">Class</th>
                    <th scope="col">Valid for</th>
                    <th scope="col">
                      <span className="sr-only">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {good
                    .sort((a, b) => b.createdMs - a.createdMs)
                    .map((token) => (
                      <TokenRow key={token.id} token={token} isNew={token.id === made} />
                    ))}
                </tbody>
              </table>
            </ScrollX>
          </Panel>
        );
      }}
    </Loaded>
  );
}

function TokenRow({ token, isNew }: { token: JoinTokenView; isNew: boolean }) {
  const may = useMay();
  const revoke = useAct('joinTokenRevoke', {
    done: () => 'The command works no more.',
    stales: ['joinTokens', 'audit'],
  });
  return (
    <tr>
      <th scope="row">
        <code>{token.id}</code> {isNew && <Tag tone="info">above</Tag>}
      </th>
      <td>
        {token.usesLeft} of {token.uses}
      </td>
      <td>{token.site}</td>
      <td>{token.class ?? 'detected'}</td>
      <td>
        <Left until={token.expiresMs} />
      </td>
      <td className="row-acts">
        {may('joinTokenRevoke') && (
          <Button
            look="quiet"
            aria-label={`Revoke ${token.id}`}
            busy={revoke.isPending}
            onClick={() => revoke.mutate({ params: { id: token.id } })}
          >
            Revoke
          </Button>
        )}
      </td>
    </tr>
  );
}
