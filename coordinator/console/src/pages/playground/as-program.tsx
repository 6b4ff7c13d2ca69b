// The request of one side as a program, to be copied.
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { CopyText } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { noKey, type RequestProgram, requestAs, requestPrograms } from '../connect/snippets.ts';
import { requestOf, type Settings } from './request.ts';
import type { Side } from './use-side.ts';

interface AsProgramProps {
  model: string;
  settings: Settings;
  side: Side;
  close(): void;
}
export function AsProgram({ model, settings, side, close }: AsProgramProps) {
  const [program, setProgram] = useState<RequestProgram>('curl');
  const past = side.said.map(({ prompt, answer }) => ({ prompt, answer: answer.text }));
  const prompt = past.pop()?.prompt ?? 'Hello';
  const body = requestOf(model, settings, past, prompt);
  return (
    <Dialog
      open
      onOpenChange={close}
      wide
      title="As code"
      text={
        <>
          The request of the last answer. In place of {noKey} comes a key, which <Link to="/connect">Connect</Link>{' '}
          makes.
        </>
      }
    >
      <div>
        <Choice label="Program" value={program} options={requestPrograms} onValue={(chosen) => setProgram(chosen)} />
      </div>
      <CopyText text={requestAs(program, { address: location.origin, key: noKey }, body)} />
    </Dialog>
  );
}
