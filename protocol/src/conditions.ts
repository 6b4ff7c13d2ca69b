// Conditions of a node: each kind has a code and short words without figures. The code stays when the words change, so programs compare
// codes: in the API, the console and alerts.
import { type Static, Type } from './typebox.ts';

export const conditionNames = {
  'disk-read-only': 'the disk is read-only',
  'gpu-silent': 'its GPU does not answer',
  'gpus-lost': 'every GPU is lost',
  'gpu-lost': 'a GPU is lost',
  undervoltage: 'power supply too weak',
  overheated: 'overheated',
  hot: 'hot',
  throttled: 'throttled now',
  'disk-full': 'disk full',
  'gpu-hot': 'GPU hot',
  'disk-low': 'disk nearly full',
  'wifi-weak': 'weak Wi-Fi',
  'undervoltage-before': 'power supply too weak at times',
  'throttled-before': 'was throttled since the boot',
  'clock-unsynced': 'clock not synced',
  'memory-low': 'memory nearly full',
  'sd-wear': 'SD card wear',
  'gpu-warning': 'GPU warning',
  'no-model': 'no model',
  'clock-wrong': 'its clock is wrong',
  flapping: 'its connection breaks again and again',
  triggers: 'triggers do not fire as they are meant',
  refusals: 'speaks for what is not its own',
  'many-events': 'tells too many events',
  'many-records': 'brings too many records',
} as const satisfies Record<string, string>;
export type ConditionCode = keyof typeof conditionNames;
const conditionCodes = Object.keys(conditionNames) as ConditionCode[];

export const Condition = Type.Object({
  code: Type.OneOf(conditionCodes, { description: 'Stays the same when the words change.' }),
  severity: Type.OneOf(['warning', 'error']),
  text: Type.String({ description: 'In plain words, with figures.' }),
});
export type Condition = Static<typeof Condition>;
