// Home Assistant: the story with the coordinator's own broker and with a Mosquitto, the fleet as its conversation agent, its tools in the hands of
// an agent, and a large fleet. In: what was proven so far. Out: the same with its claims.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../fixtures/ports.ts';
import type { Proofs } from '../proofs.ts';
import { lamp, toolsOfTheHouse, voice } from './assistants.ts';
import { HomeAssistantInstance } from './instance.ts';
import { largeFleet } from './large-fleet.ts';
import { takePicture } from './picture.ts';
import { homeAssistantRoot, newest, usual, whyNotHere } from './root.ts';
import { type BrokerKind, noMosquitto, openStage } from './stage.ts';
import { story } from './story.ts';

type Part = BrokerKind | 'newest' | 'voice' | 'mcp' | 'large' | 'picture';
const about: Record<Part, string> = {
  embedded: 'own broker',
  mosquitto: 'Mosquitto',
  newest: 'own broker',
  voice: 'conversation',
  mcp: 'its MCP server',
  large: '1,000 nodes',
  picture: 'a picture',
};
const releaseOf = (part: Part) => (part === 'newest' ? newest : usual);
const nameOf = (part: Part) => `Home Assistant ${releaseOf(part).version}, ${about[part]}`;
/** With a broker between, and with a fleet that has a real node-agent. */
const overMqtt = { embedded: story, mosquitto: story, newest: story, large: largeFleet, picture: takePicture };
const talking = { voice, mcp: toolsOfTheHouse };

export async function homeAssistant(proofs: Proofs, say: (line: string) => void, only = ''): Promise<void> {
  for (const part of Object.keys(about) as Part[]) {
    // The picture is for the documentation, and proves nothing.
    if (only === '' ? part === 'picture' : only !== part) continue;
    const found = rootFor(part, say);
    if ('why' in found) proofs.notRun(nameOf(part), found.why);
    else await run(part, found.root, proofs, say);
  }
}

/** Where it lies, or why it cannot be had here. */
function rootFor(part: Part, say: (line: string) => void): { root: string } | { why: string } {
  const why = whyNotHere(releaseOf(part)) ?? (part === 'mosquitto' ? noMosquitto() : null);
  if (why !== null) return { why };
  try {
    return { root: homeAssistantRoot(releaseOf(part), say) };
  } catch (error) {
    return { why: `it cannot be made here: ${(error as Error).message.split('\n')[0]}` };
  }
}

async function run(part: Part, root: string, proofs: Proofs, say: (line: string) => void): Promise<void> {
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => ends.unshift(end) };
  const prove = proofs.of(nameOf(part), part === 'large' ? 1_000 : 50);
  let home: HomeAssistantInstance | null = null;
  try {
    const folder = mkdtempSync(join(tmpdir(), 'home-assistant-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    home = new HomeAssistantInstance(root, folder, await freePort(), part in talking ? lamp : []);
    const own = home;
    t.teardown(() => own.end('SIGKILL'));
    const begin = async () => {
      await own.start();
      await own.onboard();
    };
    if (part === 'voice' || part === 'mcp') {
      await begin();
      await talking[part]({ home, prove, ...t });
    } else {
      const stage = await openStage(t, part === 'mosquitto' ? part : 'embedded', part === 'large' ? 10 : 1);
      await begin();
      await overMqtt[part]({ stage, home, prove, say });
    }
  } catch (error) {
    await prove('the story goes on to its end', 0, async () => (error as Error).stack ?? String(error));
  } finally {
    if (process.env.KEEP_LOG && home) say(home.log());
    for (const end of ends) await end();
  }
}
