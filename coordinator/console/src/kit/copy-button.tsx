// Copies a text whole. Plain HTTP off this machine has no clipboard: there is no button then.
import { Check, Copy } from 'lucide-react';
import { IconButton } from './button.tsx';
import { useCopied } from './copied.ts';
import { say } from './toasts.tsx';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, copy] = useCopied(text);
  if (!navigator.clipboard) return null;
  const refused = () => say({ text: 'The browser did not let it be copied. Select it and press Ctrl C.', tone: 'bad' });
  return (
    <IconButton label={copied ? 'Copied' : label} onClick={() => void copy().catch(refused)}>
      {copied ? <Check /> : <Copy />}
    </IconButton>
  );
}
