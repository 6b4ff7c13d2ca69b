// Opens what speaks to Home Assistant, where it is wanted.
import { HomeAssistant, type HomeAssistantParts } from './home-assistant.ts';

/** `prefix`: null: it is told nothing. */
export function openHomeAssistant(
  prefix: string | null,
  { version, ...parts }: Omit<HomeAssistantParts, 'prefix' | 'origin'> & { version: string },
): HomeAssistant | null {
  if (prefix === null) return null;
  return new HomeAssistant({ ...parts, prefix, origin: { name: 'BlackRoad Fleet', version } });
}
