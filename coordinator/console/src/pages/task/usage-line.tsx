// The cost of an answer, in one line of figures.
import type { TaskUsage } from '@blackroad/protocol';
import { writingSpeed } from '@blackroad/protocol/writing-speed';
import { Link } from '@tanstack/react-router';
import { duration, money, partInWords, plural } from '../../kit/words.ts';

export function UsageLine({ usage, node }: { usage: TaskUsage | null; node: string | null }) {
  if (usage === null) return null;
  const speed = writingSpeed(usage);
  return (
    <p className="usage-line dim small">
      {node && (
        <Link to="/nodes/$node" params={{ node }}>
          {node}
        </Link>
      )}
      <span>{usage.model}</span>
      <span>{plural(usage.completionTokens, 'token')}</span>
      <span>first after {duration(usage.firstTokenMs)}</span>
      {usage.costUsd !== undefined && usage.costUsd > 0 && <span>{money(usage.costUsd)}</span>}
      {speed !== null && <span>{speed.toFixed(1)} tokens/s</span>}
      {usage.recalled > 0 && <span>{plural(usage.recalled, 'memory')} recalled</span>}
      {usage.partialMemory && <span>memory: {partInWords(usage.partialMemory)}</span>}
    </p>
  );
}
