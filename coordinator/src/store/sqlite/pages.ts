// Tables that are read as a whole at the start: in pages, so that nobody holds one twice. In: a read of the rows after one. Out: the pages.

/** `next` gets the last row of the page before; undefined: none was read. A page that is not full is the last. */
export function* inPages<Row>(pageRows: number, next: (last: Row | undefined) => Row[]): Generator<Row[]> {
  for (let last: Row | undefined, full = true; full; ) {
    const page = next(last);
    last = page.at(-1);
    yield page;
    full = page.length === pageRows;
  }
}
