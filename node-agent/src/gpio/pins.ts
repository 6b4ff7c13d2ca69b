// The pins of a board as the node-agent uses them: one interface over every way to reach them. In: which line of which chip is wanted, and how.
// Out: a line that is read, set or listened to, or why it cannot be had. test/conformance/pins.ts says what each back end must do.

/** How a line is to be used. */
export interface LineOrder {
  /** The chip by its label or its name; null: that of the board's header. */
  chip: string | null;
  line: number;
  direction: 'in' | 'out';
  /** Of an in line; null: as it is. */
  pull: 'up' | 'down' | 'none' | null;
  /** On where the line is low. */
  activeLow: boolean;
  /** Of an out line, when it is opened. */
  initial: boolean;
}

export interface Line {
  /** `line 17 of pinctrl-rp1`. */
  readonly where: string;
  /** Of an out line, what it was set to last. @throws PinError */
  read(): Promise<boolean>;
  /** Only of an out line. @throws PinError */
  write(on: boolean): Promise<void>;
  /**
   * Calls `onEdge` at each change of an in line, bounces included, and `onLost` once where it can be listened to no more. Resolves when it
   * listens. One listener at a time. @throws PinError
   */
  listen(onEdge: (on: boolean) => void, onLost: (why: PinError) => void): Promise<{ stop(): Promise<void> }>;
  /** Gives the line back. Never throws. */
  close(): Promise<void>;
}

export interface Pins {
  /** What reaches the lines, for people: `libgpiod 2.2.1`. */
  readonly label: string;
  /** @throws PinError */
  open(order: LineOrder): Promise<Line>;
  /** Gives all lines back. */
  close(): Promise<void>;
}

/**
 * `missing`: there is no such chip or line; `held`: another program has it; `denied`: this process may not; `unable`: this back end cannot;
 * `failed`: anything else.
 */
export type PinFault = 'missing' | 'held' | 'denied' | 'unable' | 'failed';
export class PinError extends Error {
  readonly fault: PinFault;
  constructor(fault: PinFault, text: string) {
    super(text);
    this.fault = fault;
  }
}

export const allowGroup = 'the user of the node-agent has to be in the group gpio (docs/gpio.md)';
