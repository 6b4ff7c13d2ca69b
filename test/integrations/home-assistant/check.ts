// Home Assistant: the story with the coordinator's own broker and with a Mosquitto, and a large fleet. In: what was proven so far. Out: the
// same with its claims.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../fixtures/free-port.ts';
import type { Proofs } from '../proofs.ts';
import { HomeAssistantInstance } from './instance.ts';
import { largeFleet } from './large-fleet.ts';
import { takePicture } from './picture.ts';
import { homeAssistantRoot, version, whyNotHere } from './root.ts';
import { type BrokerKind, noMosquitto, openStage } from './stage.ts';
import { story } from './story.ts';

type Part = BrokerKind | 'large' | 'picture';
const names: Record<Part, string> = {
  embedded: `Home Assistant ${version}, own broker`,
  mosquitto: `Home Assistant ${version}, Mosquitto`,
  large: `Home Assistant ${version}, 1,000 nodes`,
  picture: `Home Assistant ${version}, a picture`,
};
const tellers = { embedded: story, mosquitto: story, large: largeFleet, picture: takePicture };

export async function homeAssistant(proofs: Proofs, say: (line: string) => void, only = ''): Promise<void> {
  for (const part of Object.keys(names) as Part[]) {
    // The picture is for the documentation, and proves nothing.
    if (only === '' ? part === 'picture' : only !== part) continue;
    const why = whyNotHere() ?? (part === 'mosquitto' ? noMosquitto() : null);
    if (why === null) await run(part, proofs, say);
    else proofs.notRun(names[part], why);
  }
}

async function run(part: Part, proofs: Proofs, say: (line: string) => void): Promise<void> {
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => ends.unshift(end) };
  const prove = proofs.of(names[part], part === 'large' ? 1_000 : 50);
  let home: HomeAssistantInstance | null = null;
  try {
    const root = homeAssistantRoot(say);
    const folder = mkdtempSync(join(tmpdir(), 'home-assistant-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    home = new HomeAssistantInstance(root, folder, await freePort());
    const own = home;
    t.teardown(() => own.end('SIGKILL'));
    const stage = await openStage(t, part === 'mosquitto' ? part : 'embedded', part === 'large' ? 10 : 1);
    await home.start();
    await home.onboard();
    await tellers[part]({ stage, home, prove, say });
  } catch (error) {
    await prove('the story goes on to its end', 0, async () => (error as Error).stack ?? String(error));
  } finally {
    if (process.env.KEEP_LOG && home) say(home.log());
    for (const end of ends) await end();
  }
}
