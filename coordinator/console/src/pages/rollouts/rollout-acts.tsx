// What a person may tell a rollout: the acts that fit its state.
import type { RolloutView } from '@blackroad/protocol';
import { Check, Pause, Play, Square, Undo2 } from 'lucide-react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';

export function RolloutActs({ of: { id, what, text, state, waitsFor, wave } }: { of: RolloutView }) {
  const may = useMay();
  const stales: ('rollout' | 'rollouts')[] = ['rollout', 'rollouts'];
  const pause = useAct('rolloutPause', { stales, done: () => `${text} is paused.` });
  const resume = useAct('rolloutResume', { stales, done: () => `${text} goes on.` });
  const approve = useAct('rolloutApprove', { stales, done: () => `Wave ${wave + 1} of ${text} may begin.` });
  const back = useAct('rolloutBack', { stales, done: () => `${text} goes back.` });
  const abort = useAct('rolloutAbort', { stales, done: () => `${text} is over.` });
  if (!may('rolloutBack')) return null;
  const given = { params: { rollout: id } };
  const isOver = state === 'rolling-back' || state === 'rolled-back' || state === 'aborted';
  return (
    <div className="row wrap">
      {waitsFor === 'approval' && (
        <Button look="primary" icon={<Check />} onClick={() => approve.mutate(given)}>
          Approve wave {wave + 1}
        </Button>
      )}
      {state === 'running' && (
        <Button icon={<Pause />} onClick={() => pause.mutate(given)}>
          Pause
        </Button>
      )}
      {(state === 'paused' || state === 'stopped') && (
        <Button icon={<Play />} onClick={() => resume.mutate(given)}>
          {state === 'paused' ? 'Resume' : 'Go on all the same'}
        </Button>
      )}
      {what.kind === 'os' && !isOver && state !== 'done' && (
        <ConfirmButton
          icon={<Square />}
          title={`End ${text}?`}
          text="Nobody further is updated or told to restart. What is under way comes to its end, and what was installed stays: apt has no way back."
          verb="End it"
          act={() => abort.run(given)}
        >
          End
        </ConfirmButton>
      )}
      {what.kind !== 'os' && !isOver && (
        <ConfirmButton
          icon={<Undo2 />}
          title={`Roll ${text} back?`}
          text="Every machine or agent that has it gets back what it had before. Whoever is away goes back when it returns."
          verb="Roll it back"
          act={() => back.run(given)}
        >
          Roll back
        </ConfirmButton>
      )}
    </div>
  );
}
