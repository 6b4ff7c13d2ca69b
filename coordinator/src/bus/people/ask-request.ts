// What a question in MQTT 5 says beside its text: where its answer is wanted, what comes back with it, and how long the question is worth
// something. Pure. In: the key that asks, the topic of the question, and properties of MQTT 5. Out: the wish as a task stores it, or a sentence.
import { isAskId, maxAskPropertyBytes, parseTopic } from '@blackroad/protocol';
import type { MessageTold } from '../../state/reply-to.ts';
import type { AskRequest } from '../bus.ts';
import { reasonCodes } from './reason-codes.ts';
import type { Denied, MessageProperties } from './wire.ts';

export function askRequestOf(
  key: string,
  topic: string,
  properties: MessageProperties,
): { request: AskRequest } | { denied: Exclude<Denied, null> } {
  const { responseTopic, correlationData, messageExpiryInterval, userProperties } = properties;
  const bytes =
    (correlationData?.length ?? 0) + (userProperties ? Buffer.byteLength(JSON.stringify(userProperties)) : 0);
  if (bytes > maxAskPropertyBytes)
    return {
      denied: {
        code: reasonCodes.quota,
        text: `Correlation data and user properties have ${bytes} bytes; at most ${maxAskPropertyBytes} are allowed.`,
      },
    };
  const told: MessageTold = {
    ...(correlationData ? { correlation: correlationData.toString('base64') } : {}),
    ...(userProperties ? { userProperties: { ...userProperties } } : {}),
  };
  const expiry = messageExpiryInterval === undefined ? {} : { expirySeconds: Math.max(1, messageExpiryInterval) };
  const request: AskRequest = { ...expiry, ...(Object.keys(told).length > 0 ? { told } : {}) };
  if (responseTopic === undefined) return { request };
  const place = placeOf(key, topic, responseTopic);
  if (place) return { request: { ...request, ...place } };
  const own = `blackroad/v1/response/${key}/<id>`;
  const text = `The response topic has to be ${own} or that of the answers of the agent, an id of letters, digits, - and _ at its end.`;
  return { denied: { code: reasonCodes.topicInvalid, text } };
}

function placeOf(key: string, topic: string, responseTopic: string): Pick<AskRequest, 'id' | 'response'> | null {
  const parsed = parseTopic(responseTopic);
  const id = parsed?.params.id;
  if (!parsed || id === undefined || !isAskId(id)) return null;
  if (parsed.name === 'response') return parsed.params.key === key ? { response: { key, id } } : null;
  return parsed.name === 'answer' && parsed.params.agent === parseTopic(topic)?.params.agent ? { id } : null;
}

/** The properties with which a message of the coordinator goes to clients of MQTT 5. */
export function propertiesOf(told: MessageTold): MessageProperties {
  const { correlation, userProperties, responseTopic, expirySeconds } = told;
  return {
    ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, 'base64') }),
    ...(userProperties ? { userProperties: userProperties as Record<string, string | string[]> } : {}),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds }),
  };
}
