// The parts of this machine: looked at some seconds after the start, told once, and again whenever a person asks. In: a look. Out: a message
// of its own, the answer to a command, and a note for people where a look failed. A failure changes nothing else.
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { HardwareLook } from '../hardware/look.ts';
import type { Transport } from '../transport/transport.ts';

interface HardwareReportParts {
  node: string;
  boot: string;
  /** Null: a machine that is only played. */
  lookAtHardware: ((signal: AbortSignal) => Promise<HardwareLook>) | null;
  transport: Pick<Transport, 'post' | 'send'>;
  clock: Clock;
  log: Log;
  /** The node stops. */
  stopped: AbortSignal;
}

/** Models and agents start first. */
const firstLookMs = 10_000;

export class HardwareReport {
  readonly #parts: HardwareReportParts;
  #problem = '';

  constructor(parts: HardwareReportParts) {
    this.#parts = parts;
  }

  start(): Timer | null {
    const { clock, lookAtHardware } = this.#parts;
    return lookAtHardware && clock.after(firstLookMs, () => void this.#tell());
  }

  /** Words for people while the last look failed. */
  notes(): string[] {
    return this.#problem === '' ? [] : [`The parts of this machine could not be looked at: ${this.#problem}.`];
  }

  async answer(command: string): Promise<void> {
    const { node, transport } = this.#parts;
    const look = await this.#look();
    const reply =
      'hardware' in look
        ? { ok: true, hardware: look.hardware }
        : { ok: false, text: `its parts could not be looked at: ${look.problem}` };
    transport.send('reply', { node, command }, { command, ...reply });
  }

  async #tell(): Promise<void> {
    const { node, boot, transport, stopped } = this.#parts;
    const look = await this.#look();
    if (stopped.aborted || !('hardware' in look)) return;
    transport.post(`hardware.${boot}`, 'sent', 'nodeHardware', { node }, { boot, hardware: look.hardware });
  }

  async #look(): Promise<HardwareLook> {
    const { lookAtHardware, stopped, log } = this.#parts;
    if (!lookAtHardware) return { problem: 'this machine is simulated' };
    const look = await lookAtHardware(stopped);
    this.#problem = 'problem' in look ? look.problem : '';
    if (this.#problem !== '' && !stopped.aborted)
      log.warn({ problem: this.#problem }, 'the parts of this machine could not be looked at');
    return look;
  }
}
