// The topics between people's programs and agents, as rows of the table of topics.
import { MqttAnswer, MqttAsk } from './command.ts';
import { maxPromptBytes, maxResultBytes } from './limits.ts';
import { topicRow as row, withEnvelope } from './topic-row.ts';
import { Type } from './typebox.ts';
import { maxWakeBytes } from './webhook-limits.ts';

export const peopleTopics = {
  ask: {
    ...row(
      'people',
      'agent/{agent}/ask',
      1,
      false,
      MqttAsk,
      withEnvelope(maxPromptBytes * 2),
      'Ask any agent, by its name; JSON or bare text.',
    ),
    needs: 'tasks:ask',
  },
  wake: {
    ...row(
      'people',
      'in/{below}',
      1,
      false,
      Type.Unknown(),
      maxWakeBytes,
      'Wakes the agents whose triggers name this topic; JSON or any text.',
    ),
    needs: 'tasks:ask',
  },
  answer: row(
    'coordinator',
    'agent/{agent}/answer/{id}',
    1,
    false,
    MqttAnswer,
    withEnvelope(maxResultBytes * 2),
    'The answer.',
  ),
  response: row(
    'coordinator',
    'response/{key}/{id}',
    1,
    false,
    MqttAnswer,
    withEnvelope(maxResultBytes * 2),
    'The answer to a question of MQTT 5 whose response topic this is; only connections of this key read it.',
  ),
} as const;
