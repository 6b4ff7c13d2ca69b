// Verbs for the model cache: what it holds, and what is removed from it.
import type { ModelCacheView } from '@blackroad/protocol';
import { argument, type Verb, type VerbCall } from '../verb.ts';
import { ago, bytes, table } from '../words.ts';

const share = (held: number, all: number) => (all === 0 ? 100 : Math.floor((held / all) * 100));

function cacheWords(view: ModelCacheView, call: VerbCall): string {
  if (!view.on) return 'The model cache is switched off (--cache off): each node fetches its models from the internet.';
  const now = call.clock.nowMs();
  const rate = view.bytesPerS === null ? 'as fast as the line is' : `at ${bytes(view.bytesPerS)} a second at most`;
  const lines = [
    `holds      ${bytes(view.heldBytes)} of ${bytes(view.maxBytes)}, ${bytes(view.diskFreeBytes)} free on its disk`,
    `saved      ${bytes(view.savedBytes)}: ${bytes(view.servedBytes)} given to nodes, ${bytes(view.fetchedBytes)} fetched`,
    `fetches    ${rate}; Ollama's models from ${view.registry ?? 'nowhere'}, files from ${view.hub ?? 'nowhere'}`,
    `port       ${view.port ?? '-'} for nodes${view.openPort === null ? '' : `; ${view.openPort} in plain HTTP for everybody`}`,
  ];
  if (view.problem !== null) lines.push(call.paint('red', `problem    ${view.problem}`));
  if (view.names.length === 0)
    return [...lines, '', 'It holds nothing yet: the next model that a node fetches stays here.'].join('\n');
  const rows = view.names.map(({ name, bytes: all, heldBytes, usedMs, fetching, readers }) => [
    name,
    bytes(all),
    fetching ? `fetching, ${share(heldBytes, all)} %` : heldBytes < all ? `${share(heldBytes, all)} % of it` : 'whole',
    ago(usedMs, now),
    readers.length > 3 ? `${readers.slice(0, 3).join(', ')} and ${readers.length - 3} more` : readers.join(', ') || '-',
  ]);
  const head = ['NAME', 'SIZE', 'HERE', 'LAST USE', 'READ BY'];
  return [...lines, '', table(head, rows, call.columns, call.paint, ['READ BY', 'LAST USE'])].join('\n');
}

export const cacheVerbs: Verb[] = [
  {
    words: 'cache',
    args: '',
    text: 'What the model cache holds, who reads it, its bounds, and how much it has saved.',
    async run(call) {
      const view = await call.client().call('modelCache');
      call.show(view, () => cacheWords(view, call));
    },
  },
  {
    words: 'cache remove',
    args: '<name>',
    text: 'Removes a model or file from the cache; nodes keep theirs.',
    async run(call) {
      const name = argument(call, 0, '<name>');
      const freed = await call.client().call('modelCacheRemove', { body: { name } });
      call.show({ name, ...freed }, () => `${name} is removed from the cache: ${bytes(freed.bytes)} freed.`);
    },
  },
  {
    words: 'cache prune',
    args: '',
    text: 'Removes from the cache what no name needs any more, and what interrupted fetches left.',
    async run(call) {
      const freed = await call.client().call('modelCachePrune', { body: {} });
      call.show(freed, () => `${bytes(freed.bytes)} freed.`);
    },
  },
];
