// A message that could not be served: it goes on to the error output whole, with what was wrong beside it, and to nodes of the kind catch.
import type { Done, Message, Red, Send } from './red.ts';
import type { Trouble } from './trouble.ts';

interface Failed {
  red: Red;
  message: Message;
  trouble: Trouble;
  /** How many outputs there are; the last is that for errors. */
  outputs: number;
  send: Send;
  done: Done;
}

export function tellFailed({ red, message, trouble, outputs, send, done }: Failed): void {
  const { kind, words, message: text, code } = trouble;
  // A node of the kind catch gets the message as well, and writes into it.
  const copy = red.util.cloneMessage(message);
  copy.error = { message: text, kind, words, code };
  send(Array.from({ length: outputs }, (_, i) => (i === outputs - 1 ? copy : null)));
  // A flow that was stopped is no fault of it.
  if (kind === 'stopped') done();
  else done(trouble);
}
