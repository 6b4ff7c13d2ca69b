// Copies a text whole. Plain HTTP off this machine has no clipboard: there is no button then.
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { after } from '../data/clock.ts';
import { IconButton } from './button.tsx';
import { say } from './toasts.tsx';

const thanksMs = 2_000;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  if (!navigator.clipboard) return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      say({ text: 'The browser did not let it be copied. Select it and press Ctrl C.', tone: 'bad' });
      return;
    }
    setCopied(true);
    after(thanksMs, () => setCopied(false));
  };
  return (
    <IconButton label={copied ? 'Copied' : label} onClick={() => void copy()}>
      {copied ? <Check /> : <Copy />}
    </IconButton>
  );
}
