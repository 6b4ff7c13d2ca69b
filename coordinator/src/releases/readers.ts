// Downloads that are under way: so many together, and so many of one principal, because each is a disk and a network for minutes.
import type { Readable } from 'node:stream';
import { FleetError } from '@blackroad/protocol';

export class Readers {
  readonly #what: string;
  readonly #most: { all: number; each: number };
  readonly #of = new Map<string, number>();
  #all = 0;

  constructor(what: string, most: { all: number; each: number }) {
    this.#what = what;
    this.#most = most;
  }

  /** Counts the stream until it is closed. @throws FleetError `unavailable` when too many read */
  open<S extends Readable>(who: string, make: () => S): S {
    const own = this.#of.get(who) ?? 0;
    if (this.#all >= this.#most.all || own >= this.#most.each) {
      const detail = `${this.#all} downloads of ${this.#what} are under way, ${own} of them of ${who}.`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 10 });
    }
    const stream = make();
    this.#all++;
    this.#of.set(who, own + 1);
    stream.once('close', () => {
      this.#all--;
      const left = (this.#of.get(who) ?? 1) - 1;
      if (left > 0) this.#of.set(who, left);
      else this.#of.delete(who);
    });
    return stream;
  }
}
