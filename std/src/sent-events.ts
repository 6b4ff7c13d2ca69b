// Server-sent events as the coordinator sends them, out of the text of an answer that comes in pieces. Comments and events without a name are left out.

interface SentEvent {
  event: string;
  data: string;
}
/** The longest event, in characters, and what is thrown of a longer one. */
interface Bound {
  chars: number;
  fault: () => Error;
}

export async function* sentEvents(pieces: AsyncIterable<string>, most?: Bound): AsyncGenerator<SentEvent> {
  let rest = '';
  for await (const piece of pieces) {
    rest += piece;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const found = eventIn(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (found) yield found;
    }
    if (most && rest.length > most.chars) throw most.fault();
  }
}

function eventIn(block: string): SentEvent | null {
  let event = '';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data += line.slice(5).trim();
  }
  return event === '' ? null : { event, data };
}
