// What a process or a thread computes, and how long the turns of an event loop take.

const inMs = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;

/** Computing of all threads of this process. */
export function processCpuMs(): number {
  return inMs(process.cpuUsage());
}
/** Computing of this thread alone: garbage is collected on others too. */
export function threadCpuMs(): number {
  return inMs(process.threadCpuUsage());
}

export interface LongestTurn {
  ms: number;
  /** The most computed in one turn: on a shared machine it differs from the time that the turn took. */
  cpuMs: number;
}
export interface WatchedTurns {
  /** The longest turn since the last call. */
  longest(): LongestTurn;
  stop(): void;
}
/** Watches the turns of this thread's event loop until it is stopped, which costs processor time itself. */
export function watchTurns(): WatchedTurns {
  let longest: LongestTurn = { ms: 0, cpuMs: 0 };
  let last = { ms: performance.now(), cpuMs: threadCpuMs() };
  const probe = setInterval(() => {
    const at = { ms: performance.now(), cpuMs: threadCpuMs() };
    longest = { ms: Math.max(longest.ms, at.ms - last.ms - 1), cpuMs: Math.max(longest.cpuMs, at.cpuMs - last.cpuMs) };
    last = at;
  }, 1);
  return {
    longest() {
      const was = longest;
      longest = { ms: 0, cpuMs: 0 };
      return was;
    },
    stop: () => clearInterval(probe),
  };
}
