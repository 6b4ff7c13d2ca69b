// What one batch decided, until it is stored. Every decision reads what those before it decided; everybody else reads what is committed,
// and hears of the batch when it is. [INV-only-committed] In: the changes of decisions, in order; out: what has to be stored, and what then changes the view.

import { apply } from '../state/apply.ts';
import type { Change, DurableChange } from '../state/change.ts';
import { isDurable } from '../state/change-table.ts';
import { layerOn, writeThrough } from '../state/layer.ts';
import type { MutableView, View } from '../state/view.ts';

export class Batch {
  readonly durable: DurableChange[] = [];
  readonly #committed: MutableView;
  readonly #noted: (view: View, change: Change) => void;
  /** From the first decision on that has something to be stored. */
  readonly #made: Change[] = [];
  #layer: MutableView | null = null;
  /** So many of them are in the layer. */
  #layered = 0;

  /** `noted`: called for every change before it is made, with the view as it is then. */
  constructor(committed: MutableView, noted: (view: View, change: Change) => void) {
    this.#committed = committed;
    this.#noted = noted;
  }

  /** What the next decision reads. */
  decided(): View {
    if (this.#layered < this.#made.length) {
      this.#layer ??= layerOn(this.#committed);
      this.#makeRest(this.#layer);
    }
    return (this.#layer ?? this.#committed) as View;
  }

  /** Of one decision. What nobody stores waits for nothing, unless what it was decided from waits itself. */
  add(changes: readonly Change[]): void {
    this.durable.push(...changes.filter(isDurable));
    if (this.durable.length > 0) this.#made.push(...changes);
    else for (const change of changes) this.#make(this.#committed, change);
  }

  /** All of it is stored. */
  commit(): void {
    if (this.#layer) writeThrough(this.#layer, this.#committed);
    this.#makeRest(this.#committed);
  }
  /** Nothing of it is stored: only what nodes said of themselves stays true. */
  drop(): void {
    for (const change of this.#made) if (!isDurable(change)) this.#make(this.#committed, change);
  }

  #makeRest(view: MutableView): void {
    while (this.#layered < this.#made.length) this.#make(view, this.#made[this.#layered++] as Change);
  }
  #make(view: MutableView, change: Change): void {
    this.#noted(view as View, change);
    apply(view, change);
  }
}
