// Cuts a document into the parts that become memories. In: blocks with their headings and pages. Out: parts that a small model can read some
// of beside a question. A part stays below one heading; paragraphs that fit together stay together, sentences stay whole. Pure.
import { cutToBytes, maxHeadingChars } from '@blackroad/protocol';
import type { Block } from './block.ts';

export interface Part {
  text: string;
  page: number | null;
  headings: string;
}

/** About 200 tokens: five of them fit into half of a context of 2,048, and one is a good length for models that embed. */
const partWeight = 800;
/** A letter of these scripts is about a token, four letters of others are one. */
const wide =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u{20000}-\u{3ffff}]/u;
const wideWeight = 3;
const sentences = new Intl.Segmenter('und', { granularity: 'sentence' });
const words = new Intl.Segmenter('und', { granularity: 'word' });

export function partsOf(blocks: readonly Block[]): Part[] {
  const parts: Part[] = [];
  let open: { lines: string[]; weight: number; page: number | null; headings: readonly string[] } | null = null;
  const close = () => {
    if (open) parts.push(partOf(open));
    open = null;
  };
  for (const { text, page, headings } of blocks) {
    if (open && !isSame(open.headings, headings)) close();
    for (const piece of piecesOf(text)) {
      const weight = weightOf(piece);
      if (open && open.weight + weight > partWeight) close();
      open ??= { lines: [], weight: 0, page, headings };
      open.lines.push(piece);
      open.weight += weight;
    }
  }
  close();
  return parts;
}

function partOf({
  lines,
  page,
  headings,
}: {
  lines: string[];
  page: number | null;
  headings: readonly string[];
}): Part {
  const path = pathOf(headings);
  const body = lines.join('\n');
  // The headings are part of the text: what a paragraph is about often stands nowhere else.
  return { text: path === '' || body === path ? body : `${path}\n${body}`, page, headings: path };
}
/** The innermost headings say most. */
function pathOf(headings: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const heading of headings.toReversed()) {
    if (length + heading.length + 3 > maxHeadingChars && shown.length > 0) break;
    shown.unshift(cutToBytes(heading, maxHeadingChars));
    length += heading.length + 3;
  }
  return shown.join(' › ').slice(0, maxHeadingChars).toWellFormed();
}
function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((heading, at) => heading === b[at]);
}

/** The block itself where it fits, else its sentences in groups that do. */
function piecesOf(text: string): string[] {
  const whole = text.trim();
  if (whole === '') return [];
  if (weightOf(whole) <= partWeight) return [whole];
  return grouped([...sentences.segment(whole)].flatMap(({ segment }) => shortened(segment)));
}
/** A sentence that alone is too long is cut between its words, and a word between its characters. */
function shortened(sentence: string): string[] {
  if (weightOf(sentence) <= partWeight) return [sentence];
  const pieces = [...words.segment(sentence)].flatMap(({ segment }) =>
    weightOf(segment) <= partWeight ? [segment] : (segment.match(/.{1,200}/gsu) ?? []),
  );
  return grouped(pieces);
}
function grouped(pieces: readonly string[]): string[] {
  const groups: string[] = [];
  let group = '';
  let weight = 0;
  for (const piece of pieces) {
    const more = weightOf(piece);
    if (weight > 0 && weight + more > partWeight) {
      groups.push(group.trim());
      group = '';
      weight = 0;
    }
    group += piece;
    weight += more;
  }
  groups.push(group.trim());
  return groups.filter((each) => each !== '');
}

function weightOf(text: string): number {
  let weight = 0;
  for (const character of text) weight += wide.test(character) ? wideWeight : 1;
  return weight;
}
