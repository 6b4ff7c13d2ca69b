// Server-sent events from the text of a response, which comes in pieces. Pure except for the rest between two pieces.
interface ServerEvent {
  event: string;
  data: string;
}

/** Takes the next piece of text and returns the events that are complete now, without comments (the coordinator's heartbeat). */
export function createEventReader(): (piece: string) => ServerEvent[] {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      let event = 'message';
      const data: string[] = [];
      for (const line of block.split(/\r?\n/)) {
        const colon = line.indexOf(':');
        const value = line.slice(colon + 1).replace(/^ /, '');
        if (line.startsWith('event:')) event = value;
        else if (line.startsWith('data:')) data.push(value);
      }
      return data.length > 0 ? [{ event, data: data.join('\n') }] : [];
    });
  };
}
