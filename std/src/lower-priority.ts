// A process gives others the processor first. In: its id, steps of Linux. Where the system does not allow it, it has the same share as they.
import { setPriority } from 'node:os';

export function lowerPriority(pid: number | undefined, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // Not all systems allow it.
  }
}
