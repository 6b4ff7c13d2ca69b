// One suite for every backend of the store. A backend passes it or is none.
import type { Test } from 'tap';
import type { ClaimedStore } from '../fixtures/coordinator/claimed-store.ts';
import { commitConformance } from './store/commit.ts';
import { historyConformance } from './store/history.ts';
import { memoryConformance } from './store/memory.ts';
import { pagesConformance } from './store/pages.ts';
import { rolloutConformance } from './store/rollouts.ts';
import { searchConformance } from './store/search.ts';
import { valuesConformance } from './store/values.ts';
import { webhookConformance } from './store/webhooks.ts';

/**
 * Opens an empty store that is closed and removed with its test. `reopen` opens the same data again after a close;
 * null where the backend keeps nothing.
 */
export type OpenStore = (t: Test) => Promise<{ store: ClaimedStore; reopen: (() => Promise<ClaimedStore>) | null }>;

export async function storeConformance(t: Test, name: string, open: OpenStore): Promise<void> {
  await t.test(`${name}: commit and load`, (t) => commitConformance(t, open));
  await t.test(`${name}: pages`, (t) => pagesConformance(t, open));
  await t.test(`${name}: history, usage, sessions`, (t) => historyConformance(t, open));
  await t.test(`${name}: memory log`, (t) => memoryConformance(t, open));
  await t.test(`${name}: rollouts`, (t) => rolloutConformance(t, open));
  await t.test(`${name}: search`, (t) => searchConformance(t, open));
  await t.test(`${name}: values by key`, (t) => valuesConformance(t, open));
  await t.test(`${name}: webhooks`, (t) => webhookConformance(t, open));
}
