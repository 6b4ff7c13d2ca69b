// Whether a position in a Markdown text is inside a fenced block of code. In: the text, in pieces cut anywhere. Out: whether a block is
// open. By the rules of CommonMark, except that a fence may be indented by more than three spaces: models write them in lists of lists.

const opening = /^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(`{3,}|~{3,})(.*)$/;
const closing = /^[\s>]*(`{3,}|~{3,})\s*$/;
/** Characters of a line that are kept: a fence does not begin further to the right. */
const maxLine = 500;

interface Fence {
  read(text: string): void;
  /** Whether a block is open after the text so far and this one; does not add it. */
  isOpenAfter(text: string): boolean;
}

export function createFence(): Fence {
  let state: State = { mark: '', line: '' };
  return {
    read(text) {
      state = after(state, text);
    },
    isOpenAfter: (text) => after(state, text).mark !== '',
  };
}

interface State {
  /** The marks that opened the block; '' outside. */
  mark: string;
  /** The last line, which is not complete yet. */
  line: string;
}
function after({ mark, line }: State, text: string): State {
  const [first = '', ...more] = text.split('\n');
  let state: State = { mark, line: cut(line + first) };
  for (const next of more) state = { mark: markAfter(state), line: cut(next) };
  return state;
}
function markAfter({ mark, line }: State): string {
  if (mark !== '') {
    const [, end = ''] = closing.exec(line) ?? [];
    return end.startsWith(mark) ? '' : mark;
  }
  const [, begin = '', info = ''] = opening.exec(line) ?? [];
  // Three backticks with more backticks on the same line are code within a sentence.
  return begin.startsWith('`') && info.includes('`') ? '' : begin;
}
const cut = (line: string) => line.slice(0, maxLine);
