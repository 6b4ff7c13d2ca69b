// Text that arrives in pieces, cut anywhere, as whole lines.
import { RuntimeError } from './runtime-error.ts';

const maxLineChars = 4 * 1024 * 1024;

export class Lines {
  #pending = '';

  /** The lines that this piece ends, without their ends. */
  push(piece: string): string[] {
    let from = 0;
    let end = piece.indexOf('\n');
    if (end < 0) this.#pending += piece;
    const lines: string[] = [];
    while (end >= 0) {
      const line = this.#pending + piece.slice(from, end);
      lines.push(line.endsWith('\r') ? line.slice(0, -1) : line);
      this.#pending = '';
      from = end + 1;
      end = piece.indexOf('\n', from);
      if (end < 0) this.#pending = piece.slice(from);
    }
    if (this.#pending.length > maxLineChars)
      throw new RuntimeError('unavailable', `a line longer than ${maxLineChars} characters`);
    return lines;
  }

  /** What comes after the last end of a line, if anything does. */
  end(): string[] {
    const rest = this.#pending;
    this.#pending = '';
    return rest === '' ? [] : [rest];
  }
}
