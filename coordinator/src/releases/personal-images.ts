// Personal files that wait for the download of an image with them in it to begin: a browser asks for the download by an address, and the file
// must be in no address. In: files, tickets. Out: tickets, files; each once, to who asked for it, within a minute. They are in memory alone.
import { FleetError, maxPersonalImages, maxPersonalImagesEach, personalImageMs } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

interface Waiting {
  image: string;
  who: string;
  content: Uint8Array;
  timer: Timer;
}

export class PersonalImages {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By ticket, the oldest first. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws FleetError `unavailable` when too many wait */
  keep(image: string, who: string, content: Uint8Array): { ticket: string; expiresMs: number } {
    const own = [...this.#waiting].filter(([, each]) => each.who === who).map(([ticket]) => ticket);
    // Who asks again and again has left the first ones behind.
    if (own.length >= maxPersonalImagesEach) this.#drop(own[0] as string);
    if (this.#waiting.size >= maxPersonalImages) {
      const detail = `${this.#waiting.size} images wait for their download to begin.`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: personalImageMs / 1000 });
    }
    const ticket = this.#random.hex(16);
    const timer = this.#clock.after(personalImageMs, () => this.#drop(ticket));
    this.#waiting.set(ticket, { image, who, content, timer });
    return { ticket, expiresMs: this.#clock.nowMs() + personalImageMs };
  }

  /** The ticket is used up once `begin` has returned. @throws FleetError `no-such-image`, for another's ticket, too */
  redeem<T>(ticket: string, image: string, who: string, begin: (content: Uint8Array) => T): T {
    const found = this.#waiting.get(ticket);
    if (!found || found.image !== image || found.who !== who)
      throw new FleetError('no-such-image', {
        detail: 'This download is over, or it was used: ask for the image with the personal file once more.',
      });
    const begun = begin(found.content);
    this.#drop(ticket);
    return begun;
  }

  #drop(ticket: string): void {
    this.#waiting.get(ticket)?.timer.cancel();
    this.#waiting.delete(ticket);
  }
}
