// One answer in the playground as it comes: a pure function from the answer and a piece of it to the next answer. Times are milliseconds
// since it was asked.
import type { From, Piece } from '../../data/ask-model.ts';

export interface Answer {
  state: 'asking' | 'writing' | 'done' | 'stopped' | 'failed';
  from: From | null;
  text: string;
  /** What the model thought, where it tells that apart. */
  thought: string;
  calls: readonly { name: string; arguments: string }[];
  /** Until the first piece; null: there is none yet. */
  firstMs: number | null;
  totalMs: number | null;
  usage: { promptTokens: number; completionTokens: number } | null;
  /** The answer ended at the limit of its tokens. */
  isCut: boolean;
  /** Why it failed. */
  problem: string;
}
export const asked: Answer = {
  state: 'asking',
  from: null,
  text: '',
  thought: '',
  calls: [],
  firstMs: null,
  totalMs: null,
  usage: null,
  isCut: false,
  problem: '',
};

export function withPiece(was: Answer, piece: Piece, atMs: number): Answer {
  const now: Answer = { ...was, state: 'writing', firstMs: was.firstMs ?? atMs };
  switch (piece.kind) {
    case 'text':
      return { ...now, text: was.text + piece.text };
    case 'thought':
      return { ...now, thought: was.thought + piece.text };
    case 'call':
      return { ...now, calls: [...was.calls, { name: piece.name, arguments: piece.arguments }] };
    case 'end':
      return { ...was, isCut: piece.reason === 'length' };
    case 'usage':
      return { ...was, usage: { promptTokens: piece.promptTokens, completionTokens: piece.completionTokens } };
  }
}

/** Writing in less time than this came in one piece: it tells no speed. */
const leastWritingMs = 100;
/** Tokens a second of the writing alone; null where it was too short to say. */
export function speedOf({ usage, firstMs, totalMs }: Answer): number | null {
  if (!usage || firstMs === null || totalMs === null || totalMs - firstMs < leastWritingMs) return null;
  return ((usage.completionTokens - 1) * 1000) / (totalMs - firstMs);
}
/** Of the tokens read and written, in US dollars, at the price of its node for a million. */
export function costOf({ usage }: Answer, pricePerMillionTokens: number): number {
  return usage ? ((usage.promptTokens + usage.completionTokens) * pricePerMillionTokens) / 1e6 : 0;
}
