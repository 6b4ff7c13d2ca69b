// A pin of a node's board in words. Without the schema: the console imports it too. Pure.
import type { BoardPin, PinStand } from './board.ts';

/** `on, set by porter`; `not read yet`; or why it cannot be used. */
export function pinStandInWords({ direction, problem }: BoardPin, stand: PinStand | undefined): string {
  if (problem !== undefined) return problem;
  if (stand?.on === undefined || stand.on === null) return 'not read yet';
  const holder = direction === 'out' && stand.holder !== undefined ? `, set by ${stand.holder}` : '';
  return `${stand.on ? 'on' : 'off'}${holder}`;
}

const roleWords = { identify: 'the light of identify', drain: 'the button that drains' } as const;
/** `in, line 17 of pinctrl-rp1`. */
export function pinPlaceInWords({ direction, where, role }: BoardPin): string {
  return `${direction}, ${where}${role === undefined ? '' : `, ${roleWords[role]}`}`;
}
