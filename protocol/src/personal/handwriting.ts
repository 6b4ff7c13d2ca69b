// The text of a file that a person wrote on some laptop: marks of Windows, of word processors and of web pages are put right, so that YAML reads
// what the person meant. In: bytes. Out: text with plain line ends, and what was put right, by line. Pure.

export interface PutRight {
  /** From 1. */
  line: number;
  /** In words, for the person. */
  what: string;
}

const openers = '"\'“”„‟‘’‚«»';
const beforeValue = /^[\s\u200b\u2060-]*(?:[\w \u00a0-]+:[\s\u200b\u2060]*)?/;
const typographic = /[“”„‟‘’‚«»]/;
const quoted = new RegExp(`^(\\s*(?:-\\s+)?(?:[^:#"'\\s][^:#]*:\\s+)?)([${openers}])(.*)([${openers}])(\\s*(?:#.*)?)$`);

export function handwriting(bytes: Uint8Array): { text: string; putRight: PutRight[] } {
  const { text, encoding } = decoded(bytes);
  const putRight: PutRight[] = encoding === null ? [] : [{ line: 1, what: `read as ${encoding}` }];
  const lines = text.split(/\r\n|\r|\n/);
  const read = lines.map((given, at) => {
    // Within a value such characters may be meant: names of networks have them.
    let line = given.replace(beforeValue, (part) =>
      part.replace(/[\u00a0\u2000-\u200a\u202f]/g, ' ').replace(/[\u200b\u2060\ufeff]/g, ''),
    );
    if (line !== given) putRight.push({ line: at + 1, what: 'spaces of a web page became plain ones' });
    const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
    if (indent.includes('\t')) {
      line = indent.replaceAll('\t', '  ') + line.slice(indent.length);
      putRight.push({ line: at + 1, what: 'a tab became two spaces' });
    }
    const [, before, first = '', inner = '', last = '', after] = quoted.exec(line) ?? [];
    if (before !== undefined && typographic.test(first + last)) {
      line = `${before}${JSON.stringify(inner)}${after}`;
      putRight.push({ line: at + 1, what: 'typographic quotes became plain ones' });
    }
    return line;
  });
  return { text: read.join('\n'), putRight };
}

/** `encoding`: null where it is what files usually are. */
function decoded(bytes: Uint8Array): { text: string; encoding: string | null } {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe)
    return { text: new TextDecoder('utf-16le').decode(bytes), encoding: 'UTF-16, as Notepad can write it' };
  if (first === 0xfe && second === 0xff) return { text: new TextDecoder('utf-16be').decode(bytes), encoding: 'UTF-16' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: null };
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), encoding: 'Windows-1252, since it is not UTF-8' };
  }
}
