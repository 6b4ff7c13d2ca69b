// Tells the loop how the object store stands, whenever that changed: alerts are made of the view.
import type { Clock } from '@blackroad/std/clock';
import type { Objects } from '../objects/objects.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { ObjectStand } from '../state/object-stand.ts';

const lookMs = 5_000;

export function tellObjects(
  objects: Pick<Objects, 'figures'>,
  coordinator: Pick<Coordinator, 'submit'>,
  clock: Clock,
): { cancel(): void } {
  let told = '';
  return clock.every(lookMs, () => {
    const stand = standOf(objects.figures());
    const text = JSON.stringify(stand);
    if (text === told) return;
    // A coordinator that stops takes nothing any more.
    coordinator.submit('objects-told', { stand }).then(
      () => {
        told = text;
      },
      () => {},
    );
  });
}

function standOf({
  where,
  home,
  disk,
  store,
  removals,
  trouble,
  faulty,
  keepsRemoved,
}: ReturnType<Objects['figures']>) {
  const isSet = where !== null;
  const [first] = faulty;
  return {
    trouble,
    // Told while it matters: else each object would be an input.
    waiting: trouble ? removals + (home === 'store' ? disk.count : 0) : 0,
    unreached: isSet ? 0 : store.count,
    faulty: first === undefined ? null : { count: faulty.length, text: first },
    keepsRemoved,
  } satisfies ObjectStand;
}
