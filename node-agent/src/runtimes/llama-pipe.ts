// Pieces from a callback, read as a stream; unread pieces are bounded by their source (an answer's length, a download's progress). In: push
// and end. Out: the pieces in order.

interface Pipe<T> {
  push(piece: T): void;
  end(): void;
  read(): AsyncGenerator<T>;
}

export function createPipe<T>(): Pipe<T> {
  let waiting: T[] = [];
  let ended = false;
  let wake = () => {};
  return {
    push(piece) {
      waiting.push(piece);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *read() {
      for (;;) {
        const taken = waiting;
        waiting = [];
        yield* taken;
        if (waiting.length > 0) continue;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
