// In place of the process in which llama.cpp runs: answers each chat with the pieces that its last message lists.
import type { ChatOrder, FromChild, ToChild } from './llama-wire.ts';

const send = (message: FromChild) => process.send?.(message);

function chat(id: number, order: ChatOrder): void {
  const pieces: (string | { thinking: string })[] = JSON.parse(order.messages.at(-1)?.content ?? '[]');
  let thought = '';
  for (const piece of pieces) {
    if (typeof piece === 'object') thought += piece.thinking;
    else if (piece !== '(cut)') send({ id, text: piece });
  }
  const usage = { promptTokens: 10, completionTokens: pieces.length, loadMs: 0, prefillMs: 1, decodeMs: 1 };
  const reason = pieces.includes('(cut)') ? 'length' : 'stop';
  send({ id, done: { reason, calls: [], thought, usage, residentBytes: 1 } });
}

process.on('message', (message: ToChild) => {
  if ('abort' in message) return;
  const { id, order } = message;
  if (order.op === 'chat') chat(id, order);
  else if (order.op === 'load') send({ id, done: { loadMs: 1, residentBytes: 1, contextTokens: order.contextTokens } });
  else send({ id, done: null });
});
process.on('disconnect', () => process.exit(0));
