// Arguments of a tool call in the forms that servers send: text, an object, or text within text.
import { parsed } from './json.ts';

/** Arguments as an object: text is parsed, `{}` where there are none. */
export function argumentsOf(given: unknown): Record<string, unknown> {
  const once = typeof given === 'string' ? parsed(given) : given;
  const found = typeof once === 'string' ? parsed(once) : once;
  return isObject(found) ? found : {};
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
