// How the object store stands, in the view: the alerts read it. In: what the objects tell. Out: a change. Pure.
import { change, decided, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const learnObjects: Decide<'objects-told'> = (view, { stand }, nowMs) => {
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'object-store', stand });
  return decided(draft);
};
