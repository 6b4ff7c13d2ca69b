// Errors of the system about a file or a port, in words for the person with the Pi. Pure. In: an error. Out: a sentence, or null when the
// error is not one of these: then it is a fault of ours, and its stack is wanted.

const words: Record<string, string> = {
  ENOSPC: 'the disk is full. Free some space and start again.',
  EDQUOT: "this user's share of the disk is used up. Free some space and start again.",
  EROFS: 'its disk is mounted read-only. A worn SD card does that by itself: look at the kernel log.',
  EACCES: 'this user has no right to it. Give the right, or start as its owner.',
  EPERM: 'this user has no right to it. Give the right, or start as its owner.',
  ENOTDIR: 'a part of this path is a file, where a folder is needed. Give another path.',
  EEXIST: 'there is a file of this name, where a folder is needed. Give another path.',
  EISDIR: 'there is a folder of this name, where a file is needed. Move it away.',
  ELOOP: 'its links lead in a circle.',
  ENAMETOOLONG: 'this path is too long.',
  EMFILE: 'this process has too many files open. Raise its limit (ulimit -n).',
  ENFILE: 'this machine has too many files open.',
  EIO: 'the disk reported an error. Check it (kernel log, SD card, cable).',
};

/** `path: words (CODE)`. */
export function errnoSentence(error: unknown): string | null {
  const { code, path } = (error ?? {}) as { code?: unknown; path?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(words, code)) return null;
  return `${typeof path === 'string' ? `${path}: ` : ''}${words[code]} (${code})`;
}
