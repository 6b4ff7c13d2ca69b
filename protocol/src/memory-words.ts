// Memories in words for the console and the command: how one was found, where it is from, why it is not written yet. Without a schema: the
// console imports it too.
import type { MemoryHit } from './memory.ts';
import type { DocumentPlace, GivenWaits } from './memory-given.ts';

/** An older coordinator does not say it: it searched by words alone. */
export const foundInWords = ({ found = ['words'] }: Pick<MemoryHit, 'found'>): string => found.join(' and ');

/** What a person may give: something to know, a fact, the way something is done. */
export const givenKinds = ['note', 'fact', 'procedure'] as const;

/** `from manual.pdf, page 12`. */
export function placeWords({ name, page, headings }: Pick<DocumentPlace, 'name' | 'page' | 'headings'>): string {
  const where = page === undefined ? headings : `page ${page}`;
  return where ? `${name}, ${where}` : name;
}
const waitWords: Record<GivenWaits, (node: string) => string> = {
  'no-node': () => 'the agent is on no node',
  'node-away': (node) => `${node} is not connected`,
  'node-older': (node) => `the node-agent of ${node} is older and does not take memories of people`,
  sent: (node) => `${node} writes it`,
};
/** Why it is not written yet. */
export function waitsInWords({ waits, node }: { waits: GivenWaits; node: string | null }): string {
  return waitWords[waits](node ?? 'its node');
}
