// Whether a coordinator answers over HTTP, asked as any other would ask it.
import { get } from 'node:http';
import { type Clock, withDeadline } from '@blackroad/std/clock';

const withinMs = 5000;

export function answersAt(url: string, clock: Clock): Promise<boolean> {
  const asked = new Promise<boolean>((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
  return withDeadline(clock, withinMs, asked, () => new Error('no answer')).catch(() => false);
}
