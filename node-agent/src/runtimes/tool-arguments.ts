// Arguments of a tool call as servers send them: as text, as an object, or as text within text.
import { parsed } from './http-json.ts';

/** Arguments as an object: parsed where they came as text, `{}` where there is none. */
export function argumentsOf(given: unknown): Record<string, unknown> {
  const once = typeof given === 'string' ? parsed(given) : given;
  const found = typeof once === 'string' ? parsed(once) : once;
  return isObject(found) ? found : {};
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
