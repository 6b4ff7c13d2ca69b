// The lines of a stream that are not empty, with their numbers from 1. A line that is too long is given with one character more than that, so
// that its reader refuses it; no more of it is in memory.
import { StringDecoder } from 'node:string_decoder';

export async function* linesOf(
  chunks: AsyncIterable<Buffer | string>,
  mostChars: number,
): AsyncGenerator<{ at: number; text: string }> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let at = 0;
  const cut = (text: string) => text.slice(0, mostChars + 1);
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.write(chunk as Buffer)}`.split('\n');
    rest = cut(lines.pop() ?? '');
    for (const text of lines) {
      at++;
      if (text.trim() !== '') yield { at, text: cut(text) };
    }
  }
  rest += decoder.end();
  if (rest.trim() !== '') yield { at: at + 1, text: rest };
}
