// What the proof of a log says: whole, with erased entries, damaged.
import type { Stories } from '../../kit/stories.ts';
import { Verdict } from './entry.tsx';

const chain = {
  agent: 'echo',
  valid: true,
  entries: 1200,
  redacted: 0,
  headSeq: 1200,
  headHash: 'ec06de0abfa33199d277dd4913e1ef4191b3b273b4077a2131a1ffb413f03d1c',
  fault: null,
};
export const stories: Stories = {
  whole: () => <Verdict of={chain} />,
  erased: () => <Verdict of={{ ...chain, redacted: 3 }} />,
  damaged: () => (
    <Verdict of={{ ...chain, valid: false, fault: { seq: 17, text: 'the hash does not fit what is written' } }} />
  ),
};
