// The kinds of memories in words, the same wherever a memory is shown.

const kinds: Record<string, string> = {
  genesis: 'the log begins',
  turn: 'exchange',
  note: 'note',
  migrate: 'moved to another node',
  merge: 'merged from a branch',
  import: 'brought in',
  fact: 'fact',
  procedure: 'procedure',
  document: 'from a document',
  withdraw: 'taken back',
  mark: 'mark of a consolidation',
  summary: 'summary',
  value: 'value',
};
/** A kind that is unknown here, from a newer node, is shown by its name. */
export const kindInWords = (kind: string) => kinds[kind] ?? kind;
