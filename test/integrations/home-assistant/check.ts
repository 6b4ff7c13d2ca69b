// Home Assistant: the story with the coordinator's own broker and with a Mosquitto, the fleet as its conversation agent, its tools in the hands of
// an agent, and a large fleet. In: what was proven so far. Out: the same with its claims.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../fixtures/free-port.ts';
import type { Proofs } from '../proofs.ts';
import { lamp, toolsOfTheHouse, voice } from './assistants.ts';
import { HomeAssistantInstance } from './instance.ts';
import { largeFleet } from './large-fleet.ts';
import { takePicture } from './picture.ts';
import { homeAssistantRoot, version, whyNotHere } from './root.ts';
import { type BrokerKind, noMosquitto, openStage } from './stage.ts';
import { story } from './story.ts';

type Part = BrokerKind | 'voice' | 'mcp' | 'large' | 'picture';
const names: Record<Part, string> = {
  embedded: `Home Assistant ${version}, own broker`,
  mosquitto: `Home Assistant ${version}, Mosquitto`,
  voice: `Home Assistant ${version}, conversation`,
  mcp: `Home Assistant ${version}, its MCP server`,
  large: `Home Assistant ${version}, 1,000 nodes`,
  picture: `Home Assistant ${version}, a picture`,
};
/** With a broker between, and with a fleet that has a real node-agent. */
const overMqtt = { embedded: story, mosquitto: story, large: largeFleet, picture: takePicture };
const talking = { voice, mcp: toolsOfTheHouse };

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
