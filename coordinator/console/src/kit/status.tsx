// A status as shape, colour and word; and the shape alone, for places that have the word already.
import type { ReactNode } from 'react';
import { lookOf, type Shape, type Tone } from './looks.ts';

const drawn: Record<Shape, ReactNode> = {
  dot: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  half: (
    <>
      <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M6 2a4 4 0 0 1 0 8Z" fill="currentColor" />
    </>
  ),
  quarter: (
    <>
      <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M6 2a4 4 0 0 1 4 4H6Z" fill="currentColor" />
    </>
  ),
  ring: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.8" />,
  dashed: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2 2" />,
  cross: <path d="m2.5 2.5 7 7m0-7-7 7" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />,
  bang: (
    <path
      d="M6 1.2 11.4 10.8H.6Z M6 4.6v3 M6 9v.6"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinejoin="round"
    />
  ),
  tick: (
    <path
      d="m2 6.5 3 3 5-6.5"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  ),
  bar: (
    <>
      <circle cx="6" cy="6" r="4.4" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M3.4 6h5.2" stroke="currentColor" strokeWidth="1.8" />
    </>
  ),
};

export function Glyph({ shape, tone }: { shape: Shape; tone: Tone }) {
  return (
    <svg className={`glyph ${tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {drawn[shape]}
    </svg>
  );
}

/** `<Status of="suspect" />`; `word`: another word with the same look. */
export function Status({ of, word }: { of: string; word?: string }) {
  const look = lookOf(of);
  return (
    <span className={`status ${look.tone}`}>
      <Glyph shape={look.shape} tone={look.tone} />
      <span>{word ?? look.word ?? of}</span>
    </span>
  );
}

/** A short fact in a frame: `simulated`, `cordoned`, a label. */
export function Tag({ tone = 'dim', children }: { tone?: Tone | 'violet'; children: ReactNode }) {
  return <span className={`tag ${tone}`}>{children}</span>;
}
