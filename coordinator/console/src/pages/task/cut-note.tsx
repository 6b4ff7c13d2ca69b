// Names the limit at which an answer stopped, and where it can be raised.
import type { AgentSpec } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { useMay } from '../../data/session.tsx';
import { plural } from '../../kit/words.ts';

export function CutNote({ agent, limits }: { agent: string; limits: AgentSpec['limits'] | null }) {
  const may = useMay();
  return (
    <p className="warn small">
      The answer was cut at a limit of its agent
      {limits &&
        ` (maxTokens: ${plural(limits.maxTokens, 'token')}; contextTokens: ${plural(limits.contextTokens, 'token')})`}
      .{' '}
      {may('agentApply') && (
        <Link to="/agents/$agent" params={{ agent }} search={{ tab: 'spec' }}>
          Change the limits
        </Link>
      )}
    </p>
  );
}
