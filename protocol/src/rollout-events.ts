// Events of rollouts.
import { actorOf } from './asker-words.ts';
import { Count, kind } from './event-kind.ts';
import { Asker } from './principal.ts';
import { counted } from './quantity-words.ts';
import { Type } from './typebox.ts';

const Text = Type.String();

const OfRollout = { rollout: Text, what: Text };
export const ofRollouts = {
  'rollout-started': kind(
    'info',
    'A person started a rollout',
    { ...OfRollout, subjects: Count, waves: Count, by: Asker },
    ({ what, subjects, waves, by }) =>
      `${actorOf(by)} rolls out ${what}: ${counted(subjects, 'machine or agent', 'machines or agents')} in ${counted(waves, 'wave')}`,
  ),
  'rollout-wave': kind(
    'info',
    'A wave of a rollout begins',
    { ...OfRollout, wave: Count, waves: Count, size: Count },
    ({ what, wave, waves, size }) => `${what}: wave ${wave} of ${waves} begins, ${size} in all`,
  ),
  'rollout-approval': kind(
    'warning',
    'A rollout waits for a person to approve its next wave',
    { ...OfRollout, wave: Count },
    ({ what, wave }) => `${what}: a person must approve wave ${wave}`,
  ),
  'rollout-red': kind(
    'error',
    'A gate of a rollout is red: it stopped, or goes back',
    { ...OfRollout, wave: Count, gate: Text, reason: Text, goesBack: Type.Boolean() },
    ({ what, wave, reason, goesBack }) => `${what} ${goesBack ? 'goes back' : 'stopped'} in wave ${wave}: ${reason}`,
  ),
  'rollout-ended': kind(
    'info',
    'A rollout is over: done, rolled back or aborted; `warning` where it did not get through',
    { ...OfRollout, how: Type.OneOf(['done', 'rolled-back', 'aborted']), reason: Text },
    ({ what, how, reason }) =>
      `${what} is ${how === 'rolled-back' ? 'rolled back' : how}${reason === '' ? '' : `: ${reason}`}`,
    ({ how }) => (how === 'done' ? 'info' : 'warning'),
  ),
};
