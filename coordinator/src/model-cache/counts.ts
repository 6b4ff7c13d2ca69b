// What the model cache has done since it first ran: bytes fetched and bytes given. In: bytes. Out: sums, which outlast a restart. They are
// written now and then: a crash loses the last minute of them.
import type { CacheDisk } from './disk.ts';

const names = ['fetchedBytes', 'servedBytes'] as const;
type CountName = (typeof names)[number];

export class Counts {
  readonly #disk: CacheDisk;
  readonly #sums: Record<CountName, number> = { fetchedBytes: 0, servedBytes: 0 };
  #isWritten = true;

  constructor(disk: CacheDisk) {
    this.#disk = disk;
  }

  async open(): Promise<void> {
    const stored = await this.#disk.readCounts().catch(() => ({}) as Record<string, unknown>);
    for (const name of names) if (Number.isFinite(stored[name])) this.#sums[name] = Math.max(0, Number(stored[name]));
  }

  get sums(): Readonly<Record<CountName, number>> {
    return this.#sums;
  }
  add(name: CountName, bytes: number): void {
    this.#sums[name] += bytes;
    this.#isWritten = false;
  }
  async write(): Promise<void> {
    if (this.#isWritten) return;
    this.#isWritten = true;
    await this.#disk.writeCounts(this.#sums);
  }
}
