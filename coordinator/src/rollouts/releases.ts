// The releases of the node-agent in the view: all that the coordinator has, after each reading of its store of releases. Pure.
import { change, decided, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const learnReleases: Decide<'releases-known'> = (view, { releases }, nowMs) => {
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'known-releases', releases });
  return decided(draft);
};
