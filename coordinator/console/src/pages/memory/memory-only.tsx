// Which memories are searched, beside whose: of a kind, of a time, with a tag. In the address of the page.
import { useEffect, useState } from 'react';
import { after, useNow } from '../../data/clock.ts';
import { kindInWords } from '../../fleet/memory-kinds.ts';
import { useAddress } from '../../kit/address.ts';

const kinds = ['turn', 'note', 'merge', 'import'];
const hourMs = 3_600_000;
const times = {
  day: ['of the last day', 24],
  week: ['of the last week', 7 * 24],
  month: ['of the last 30 days', 30 * 24],
  year: ['of the last year', 365 * 24],
} as const;
type Since = keyof typeof times;
/** A pause in typing. */
const pauseMs = 250;
const maxTagChars = 60;

/** What the query says of it. A time moves on by whole hours, so that a search is not asked again with every look. */
export function useMemoryOnly() {
  const [kind] = useAddress('/memory', 'kind');
  const [tag] = useAddress('/memory', 'tag');
  const [since] = useAddress('/memory', 'since');
  const hour = Math.floor(useNow(60_000) / hourMs);
  return {
    ...(kind ? { kind } : {}),
    ...(tag ? { tag } : {}),
    ...(since ? { sinceMs: (hour - times[since][1]) * hourMs } : {}),
  };
}

export function MemoryOnly() {
  const [kind, setKind] = useAddress('/memory', 'kind');
  const [since, setSince] = useAddress('/memory', 'since');
  const [tag, setTag] = useAddress('/memory', 'tag');
  const [typed, setTyped] = useState(tag);
  useEffect(() => (typed === tag ? undefined : after(pauseMs, () => setTag(typed.trim()))), [typed, tag, setTag]);
  return (
    <>
      <select
        className="input facet"
        aria-label="Only of this kind"
        value={kind}
        onChange={({ target }) => setKind(target.value)}
      >
        <option value="">of every kind</option>
        {(kind && !kinds.includes(kind) ? [...kinds, kind] : kinds).map((each) => (
          <option key={each} value={each}>
            {kindInWords(each)}
          </option>
        ))}
      </select>
      <select
        className="input facet"
        aria-label="Only of this time"
        value={since}
        onChange={({ target }) => setSince(target.value as Since | '')}
      >
        <option value="">of any time</option>
        {(Object.keys(times) as Since[]).map((each) => (
          <option key={each} value={each}>
            {times[each][0]}
          </option>
        ))}
      </select>
      <input
        className="input facet"
        aria-label="Only with this tag"
        placeholder="with any tag"
        value={typed}
        maxLength={maxTagChars}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => setTyped(target.value)}
      />
    </>
  );
}
