// The age of the page: live, or the time since which it is not; and a bar over a page with old figures.
import type { ReactNode } from 'react';
import { useFreshness } from '../data/live.ts';
import { Time } from '../fleet/time.tsx';
import { Status } from '../kit/status.tsx';
import { clockTime } from '../kit/words.ts';

export function LiveMark({ short = false }: { short?: boolean }) {
  const { state, asOfMs } = useFreshness();
  const [look, word] =
    state === 'live' ? ['online', 'Live'] : state === 'away' ? ['suspect', 'Not live'] : ['never', 'Connecting'];
  return (
    <p className="live">
      <span role="status">
        <Status of={look} word={word} />
      </span>
      {!short && asOfMs > 0 && <span className="figure small">{clockTime(asOfMs)}</span>}
    </p>
  );
}

/** Everything inside is shown as old while the line is down, and says as of when it is. */
export function Fresh({ children }: { children: ReactNode }) {
  const { state, asOfMs } = useFreshness();
  const old = state === 'away';
  return (
    <>
      {old && (
        <p className="stale-bar" role="alert">
          <Status of="suspect" word="Not live" />
          <span>
            The coordinator cannot be reached. What you see is as of {clockTime(asOfMs)} (<Time at={asOfMs} />
            ); trying again.
          </span>
        </p>
      )}
      <div className={old ? 'is-stale' : undefined}>{children}</div>
    </>
  );
}
