// Puts a text into the clipboard, and is true for two seconds after that, so that the button can say so.
import { useState } from 'react';

const shownMs = 2_000;

/** Plain HTTP off this machine has no clipboard: nothing is written then. Rejects where the browser refuses. */
export function useCopied(text: string): [copied: boolean, copy: () => Promise<void>] {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), shownMs);
  };
  return [copied, copy];
}
