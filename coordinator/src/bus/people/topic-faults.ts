// What is wrong with a topic or a filter by MQTT itself, before anybody asks for rights. Pure. In: the text. Out: a sentence, or null.

/** More levels than this make Aedes throw. */
const maxLevels = 100;

export function topicFault(topic: string): string | null {
  if (topic === '') return 'A message needs a topic.';
  if (/[+#]/.test(topic)) return 'A message cannot be sent to a filter: + and # are not allowed in its topic.';
  return levelsFault(topic);
}

export function filterFault(filter: string): string | null {
  if (filter === '') return 'A subscription needs a filter.';
  const levels = filter.split('/');
  const wrong = levels.some(
    (level, at) => /[+#]/.test(level) && level !== '+' && !(level === '#' && at === levels.length - 1),
  );
  return wrong ? 'In a filter + is a whole level, and # the whole last one.' : levelsFault(filter);
}

function levelsFault(text: string): string | null {
  const levels = text.split('/').length;
  return levels > maxLevels ? `A topic has at most ${maxLevels} levels, this one has ${levels}.` : null;
}
