// Server-sent events out of the text of a response, in whatever pieces it comes. Pure but for what is left over between two pieces.
interface ServerEvent {
  event: string;
  data: string;
}

/** Given the next piece of text, answers the events that are whole now. Comments (the coordinator's heartbeat) are left out. */
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
