// The options of the MQTT door for people, and what is asked of them together.
import { OptionError } from '@blackroad/std/options';

/** Of the ports of a coordinator; the open port of the model cache is the fourth. */
const afterPort = 5;

export const peopleOptions = {
  peoplePort: {
    type: 'text',
    flag: 'people-port',
    env: 'BLACKROAD_PEOPLE_PORT',
    default: '',
    text: "Port of the MQTT door for people's programs: 3.1.1 and 5 over TLS, with a key. Empty: the fifth after --port. 0: any free port. `none`: no such door; programs of 3.1.1 use the port of the nodes.",
  },
} as const;

interface Given {
  readonly port: number;
  readonly broker: string;
  readonly peoplePort: string;
}

/**
 * The port; null: there is no such door. With an external broker people's programs use that one, which speaks 5 itself.
 * @throws OptionError
 */
export function peoplePortOf({ port, broker, peoplePort }: Given): number | null {
  if (peoplePort === 'none') return null;
  if (peoplePort === '') return broker ? null : port === 0 ? 0 : port + afterPort;
  const given = Number(peoplePort);
  if (!/^\d{1,5}$/.test(peoplePort) || given > 65_535)
    throw new OptionError(
      `--people-port: expected a number from 0 to 65535 or none, got ${JSON.stringify(peoplePort.slice(0, 40))}.`,
    );
  if (broker)
    throw new OptionError(
      "--people-port: expected no --broker with it: people's programs use that broker, and not ours.",
    );
  if (port !== 0 && given >= port && given < port + afterPort)
    throw new OptionError(
      `--people-port: expected a port that the coordinator does not use itself (${port} to ${port + afterPort - 1}), got ${given}.`,
    );
  return given;
}
