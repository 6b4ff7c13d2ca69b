// Filters below `blackroad/v1/in/`, where people's programs publish what wakes agents: their form, and whether a topic matches one. Pure.

export const maxTopicFilterChars = 200;

const level = '[^/+#\\u0000-\\u001f\\u007f]+';
export const topicFilterPattern = `^(#|(\\+|${level})(/(\\+|${level}))*(/#)?)$`;
export const topicFilterWords =
  'a topic below blackroad/v1/in/, such as hall/motion; + is any one level, # at the end any number of them';

/** Whether a filter takes a topic, both below `in/` [MQTT-4.7.1]. */
export function takesTopic(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [i, each] of wanted.entries()) {
    if (each === '#') return true;
    if (levels[i] === undefined || (each !== '+' && each !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
