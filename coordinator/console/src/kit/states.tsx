// The states of a part of a page: waiting, empty, and failed. Loaded chooses between them.
import type { UseQueryResult } from '@tanstack/react-query';
import { RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { Glyph } from './status.tsx';
import { wordsOf } from './words.ts';

/** The empty state: what would be here, and what to do about it. */
export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: ReactNode }) {
  return (
    <div className="empty">
      {icon && <div className="empty-icon">{icon}</div>}
      <h3>{title}</h3>
      {children && <div className="empty-text">{children}</div>}
    </div>
  );
}

/** Why what was asked for did not happen; empty: it was not refused. */
export function Fault({ text }: { text: string }) {
  return text === '' ? null : (
    <p className="bad" role="alert">
      {text}
    </p>
  );
}

/** Grey lines in place of the content; `label`: for screen readers. */
export function Loading({ lines = 3, label = 'Loading' }: { lines?: number; label?: string }) {
  return (
    <div className="loading" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <span key={i} />
      ))}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => unknown }) {
  const missing = error instanceof Error && 'status' in error && error.status === 404;
  return (
    <div className="failure" role="alert">
      <p className="row">
        <Glyph shape="cross" tone="bad" />
        <strong>{missing ? 'Not found' : 'That did not work'}</strong>
      </p>
      <p>{wordsOf(error)}</p>
      {retry && !missing && (
        <Button icon={<RefreshCw />} onClick={() => retry()}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** The three faces of a read. `<Loaded of={useRoute('keys')}>{(keys) => ...}</Loaded>` */
export function Loaded<T, E>({
  of,
  lines,
  children,
}: {
  of: Pick<UseQueryResult<T, E>, 'data' | 'error' | 'refetch'>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Failure error={of.error} retry={of.refetch} />;
  return <Loading {...(lines === undefined ? {} : { lines })} />;
}
