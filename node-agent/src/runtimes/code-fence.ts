// Where a text of Markdown is inside a fenced block of code. In: the text, in pieces cut anywhere; out: whether a block is open. As
// CommonMark has it, except that a fence may stand further to the right than three spaces: models write them in lists of lists.

const opening = /^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(`{3,}|~{3,})(.*)$/;
const closing = /^[\s>]*(`{3,}|~{3,})\s*$/;
/** Of a line: what stands further to the right makes no fence of it. */
const maxLine = 500;

interface Fence {
  read(text: string): void;
  /** Whether a block is open behind what was read and this; reads nothing. */
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
  /** What opened the block; '' outside. */
  mark: string;
  /** The line that is not over yet. */
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
  // Three backticks with more of them on the same line are code within a sentence.
  return begin.startsWith('`') && info.includes('`') ? '' : begin;
}
const cut = (line: string) => line.slice(0, maxLine);
