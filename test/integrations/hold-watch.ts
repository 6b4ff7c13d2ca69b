// Loaded into a process that is watched (`--import`): how long its event loop is held, in time of processor of its own thread, so that what
// other programs of the machine take does not count. Writes each hold beyond a floor as a line, `<time> <milliseconds>`, to the file that
// HOLD_WATCH names.
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const floorMs = 15;
const file = process.env.HOLD_WATCH as string;
const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
// Threads of the process load it as well.
if (isMainThread) {
  let last = cpuMs();
  setInterval(() => {
    const heldMs = cpuMs() - last;
    if (heldMs > floorMs) appendFileSync(file, `${Date.now()} ${heldMs.toFixed(1)}\n`);
    last = cpuMs();
  }, 1).unref();
}
