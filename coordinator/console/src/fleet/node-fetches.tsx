// The models that a node is fetching, with their progress, and failed fetches; live from the node's reports.
import type { NodeView } from '@blackroad/protocol';
import { useAct } from '../data/query.ts';
import { useMay } from '../data/session.tsx';
import { Button } from '../kit/button.tsx';
import { Status } from '../kit/status.tsx';
import { progressInWords, shareOf } from './fetching.ts';

export function NodeFetches({ node, named = false }: { node: NodeView; named?: boolean }) {
  const may = useMay();
  const pull = useAct('nodePull', { done: ({ text }) => text });
  const fetches = node.capacity?.fetches ?? [];
  if (fetches.length === 0) return null;
  return (
    <ul className="node-fetches" aria-label={`Models on their way to ${node.id}`}>
      {fetches.map((fetch) => {
        const failed = fetch.problem !== undefined;
        const share = shareOf(fetch);
        return (
          <li key={fetch.model}>
            <Status of={failed ? 'error' : 'starting'} word={failed ? 'not fetched' : 'being fetched'} />
            <span className="grow">
              <code>{fetch.model}</code>
              {named && ` on ${node.id}`}: <span className={failed ? '' : 'figure'}>{progressInWords(fetch)}</span>
            </span>
            {!failed && (
              <span
                className="bar"
                role="progressbar"
                aria-label={fetch.model}
                {...(share === null ? {} : { 'aria-valuenow': Math.round(share * 100) })}
              >
                <span className="info" style={{ width: `${(share ?? 0) * 100}%` }} />
              </span>
            )}
            {failed && may('nodePull') && node.presence === 'online' && (
              <Button
                look="quiet"
                busy={pull.isPending}
                onClick={() => pull.mutate({ params: { node: node.id }, body: { model: fetch.model } })}
              >
                Try again
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
