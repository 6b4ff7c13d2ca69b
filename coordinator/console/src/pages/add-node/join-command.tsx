// The second step: one command for the other machine. The token in it is shown this once.
import type { JoinTokenCreated } from '@blackroad/protocol';
import { installableWords } from '@blackroad/protocol/install-words';
import { useRoute } from '../../data/query.ts';
import { Left } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { CopyText } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Glyph } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';
import { dialledBy } from './token-text.ts';

export function JoinCommand({ token, again }: { token: JoinTokenCreated; again(): void }) {
  const dialled = dialledBy(token.token);
  return (
    <Panel
      title="2. Run this on the other machine"
      aside={
        <Button look="quiet" onClick={again}>
          Another command
        </Button>
      }
    >
      <div className="stack">
        <p className="dim">
          As it is, in a terminal there. It installs the node-agent, joins, and starts it; run again, it repairs or
          upgrades. Valid for {plural(token.uses, 'machine')} and <Left until={token.expiresMs} />.
        </p>
        <CopyText text={token.command} label="Copy the command" />
        {dialled && (
          <p className="small row">
            {dialled.onlyHere ? (
              <>
                <Glyph shape="bang" tone="warn" />
                <span>
                  It dials <code>{dialled.url}</code>, which only this machine reaches. For another machine make another
                  command and give the coordinator's address in it.
                </span>
              </>
            ) : (
              <span className="dim">
                It dials <code>{dialled.url}</code> and trusts no other: the token carries the fingerprint of this
                fleet's own certificate authority.
              </span>
            )}
          </p>
        )}
        <Installable />
      </div>
    </Panel>
  );
}

/** Whether the coordinator has what the command installs; asked again, as a person may add it meanwhile. */
function Installable() {
  const found = useRoute('releases', { query: { name: 'blackroad-node' } }, { refetchInterval: 10_000 });
  if (!found.data) return null;
  return <p className="dim small">{installableWords(found.data.releases, (verb) => `fleet ${verb}`)}</p>;
}
