// Conditions of SQL about entries that have a key.

/** The condition of the index of schema 35, word by word: without it SQLite does not use it. */
export const keyedSql = `kind IN ('value', 'merge', 'import') AND payload ->> 'key' IS NOT NULL`;
/** What an entry is found by: of a value its key, too. */
export const indexedTextSql = `iif(payload ->> 'key' IS NULL OR payload ->> 'text' = '', payload ->> 'text', payload ->> 'key' || ': ' || (payload ->> 'text'))`;
/** Of a row with the id of an entry: that no later entry sets its key, and that it does not end it. */
export const isLookedFor = (id: string) => `${id} NOT IN (SELECT id FROM memory_past)`;
