// What installs Ollama on this machine, where something does (docs/flash-a-pi.md): how far it is, in its own words, which lie in a file while it is
// at work. In: the folder. Out: a line for people, or null.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainLine } from '@blackroad/protocol';

export const ollamaStateFolder = '/run/blackroad-ollama';
export const ollamaStateName = 'state';
const maxChars = 400;

export function ollamaComing(folder: string): string | null {
  try {
    return plainLine(readFileSync(join(folder, ollamaStateName), 'utf8')).slice(0, maxChars) || null;
  } catch {
    return null;
  }
}
