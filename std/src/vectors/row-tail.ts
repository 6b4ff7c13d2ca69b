// What a row of codes ends with. A file of its own: whoever reads rows needs no text of the kernel.

/** A row: its codes in blocks of 16 bytes, two coordinates a byte; then this, of 4 bytes each. Rows are scanned four at a time. */
export const rowTail = { factor: 0, agent: 4, id: 8, kind: 12, bytes: 16 };
/** What is beside the codes and factors of a row in planes. */
export const planeTail = { agent: 0, id: 4, kind: 8, bytes: 12 };
/** Rows whose signs lie together, so that one step of the scan looks at all of them. */
export const signGroup = 32;
