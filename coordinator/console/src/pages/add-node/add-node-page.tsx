// The page on which a machine becomes a node, in three steps: choose what joins, copy one command or save the file for a
// card, watch it arrive.
import type { JoinTokenCreated } from '@blackroad/protocol';
import { useState } from 'react';
import { nowMs } from '../../data/clock.ts';
import { useNodes } from '../../data/live.ts';
import { LinkButton } from '../../kit/button.tsx';
import { PageHead } from '../../kit/layout.tsx';
import { Loading } from '../../kit/states.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { Arrivals } from './arrivals.tsx';
import { FirstBoots } from './first-boots.tsx';
import { JoinCommand } from './join-command.tsx';
import { JoinTokens } from './join-tokens.tsx';
import { PiCard } from './pi-card.tsx';
import { TokenForm } from './token-form.tsx';

export interface Made {
  token: JoinTokenCreated;
  /** The nodes from before: all others are new. */
  before: ReadonlySet<string>;
  atMs: number;
}

export default function AddNodePage() {
  const { rows, whole } = useNodes();
  const [made, setMade] = useState<Made | null>(null);
  const [way, setWay] = useState<'command' | 'card'>('command');
  const head = (
    <PageHead
      title="Add a node"
      text="Any 64-bit Linux machine: a Pi, a PC, a GPU box. It dials out only, so no port is opened on it."
      actions={<LinkButton to="/nodes">All nodes</LinkButton>}
    />
  );
  if (!whole) {
    return (
      <>
        {head}
        <Loading lines={5} />
      </>
    );
  }
  return (
    <div className="page-stack">
      {head}
      {made === null ? (
        <TokenForm made={(token) => setMade({ token, before: new Set(rows.keys()), atMs: nowMs() })} />
      ) : (
        <>
          <div className="row">
            <Choice<'command' | 'card'>
              label="How it joins"
              value={way}
              options={[
                ['command', 'A machine that runs'],
                ['card', 'A Raspberry Pi to be flashed'],
              ]}
              onValue={setWay}
            />
          </div>
          {way === 'command' ? (
            <JoinCommand token={made.token} again={() => setMade(null)} />
          ) : (
            <PiCard token={made.token} again={() => setMade(null)} />
          )}
          <FirstBoots token={made.token.id} />
          <Arrivals made={made} />
        </>
      )}
      <JoinTokens made={made?.token.id ?? null} />
    </div>
  );
}
