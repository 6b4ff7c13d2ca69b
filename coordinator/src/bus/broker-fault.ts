// The reason why an external broker cannot be reached or refuses the coordinator, as a sentence that names the setting to check. Pure.
// In: the error of the connection. Out: words without a secret.

export interface BrokerUser {
  name: string;
  password: string;
}

const settings = '--broker-user, and BLACKROAD_BROKER_PASSWORD or --broker-password-file';
/** CONNACK codes of MQTT 3.1.1 [MQTT-3.2.2.3], but for those of a wrong or missing name. */
const refusals: Record<number, string> = {
  1: 'does not speak MQTT 3.1.1',
  2: "does not accept the coordinator's client id",
  3: 'is not ready',
};
const words: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  EHOSTUNREACH: 'no way there',
  ENETUNREACH: 'the network is down',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it hung up',
};

/** `user`: the name that the coordinator gave; missing: none. */
export function brokerFault(error: Error & { code?: unknown }, url: string, user?: string): string {
  const { code, message } = error;
  const broker = `the broker at ${url}`;
  if (code === 4 || code === 5) {
    return user === undefined
      ? `${broker} does not let the coordinator in by its certificate alone; where it wants a user name and a password, give ${settings}`
      : `${broker} does not let ${JSON.stringify(user)} in: the user name or the password is wrong; they are given as ${settings}`;
  }
  if (typeof code === 'number') return `${broker} ${refusals[code] ?? `refuses the coordinator: ${message}`}`;
  return `${broker} cannot be reached: ${words[String(code)] ?? (message || String(code))}`;
}
