// The chips of a machine that have lines, and which of them is meant. A Pi 5 has several, and their numbers change with the kernel: a chip is
// known by its label. Pure.
import { PinError } from './pins.ts';

export interface Chip {
  /** `gpiochip0`. */
  name: string;
  label: string;
  lines: number;
}

/** Labels of the chip that the 40 pins of a Raspberry Pi's header belong to: of a Pi 5, a Pi 4, and those before. */
const headers = ['pinctrl-rp1', 'pinctrl-bcm2711', 'pinctrl-bcm2835'];
const maxNamed = 8;

/** @throws PinError */
export function chipFor<C extends Chip>(chips: readonly C[], wanted: string | null): C {
  const list = chips
    .slice(0, maxNamed)
    .map(({ name, label }) => `${label} (${name})`)
    .join(', ');
  if (chips.length === 0) throw new PinError('missing', 'This machine has no chip with pins that can be reached.');
  if (wanted !== null) {
    const named = chips.find(({ name }) => name === wanted);
    if (named) return named;
    const labelled = chips.filter(({ label }) => label === wanted);
    const [only] = labelled;
    if (only && labelled.length === 1) return only;
    const which = labelled.map(({ name }) => name).join(', ');
    throw new PinError(
      'missing',
      only
        ? `${labelled.length} chips are called ${wanted}: name one of ${which}.`
        : `There is no chip ${wanted}; there are: ${list}.`,
    );
  }
  for (const header of headers) {
    const found = chips.find(({ label }) => label === header);
    if (found) return found;
  }
  const [only] = chips;
  if (only && chips.length === 1) return only;
  throw new PinError('missing', `Name the chip of the pin, as this machine has several: ${list}.`);
}

/** @throws PinError */
export function checkLine({ label, lines }: Chip, line: number): string {
  if (line < lines) return `line ${line} of ${label}`;
  throw new PinError('missing', `There is no line ${line} on ${label}: it has ${lines}, 0 to ${lines - 1}.`);
}
