// The part of a file that a request asks for by its `Range` header [RFC 9110 14].

/** Of a file, from `from` to `to`, both included. */
export interface ByteRange {
  from: number;
  to: number;
}

/**
 * The range of `Range: bytes=a-b`, `bytes=a-` or `bytes=-n`; null: no header, or one that asks for several ranges or another unit, which
 * servers may ignore [RFC 9110 14.2]; `none`: it lies outside of the file.
 */
export function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | null | 'none' {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!found) return null;
  const [, first = '', last = ''] = found;
  if (first === '' && last === '') return null;
  const from = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const to = first === '' || last === '' ? sizeBytes - 1 : Math.min(sizeBytes - 1, Number(last));
  return from > to || from >= sizeBytes ? 'none' : { from, to };
}
