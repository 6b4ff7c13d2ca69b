// Who may come in: keys of people and programs, one-time codes, and the consoles that are signed in. A secret is shown once.
import { MonitorSmartphone, Plus } from 'lucide-react';
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { CopyText } from '../../kit/field.tsx';
import { PageHead } from '../../kit/layout.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Time } from '../../kit/time.tsx';
import { CreateKey } from './create-key.tsx';
import { Keys } from './keys.tsx';
import { Sessions } from './sessions.tsx';

export default function AccessPage() {
  const may = useMay();
  const [creating, setCreating] = useState(false);
  return (
    <div className="page-stack">
      <PageHead
        title="Users and keys"
        text={
          may('keys')
            ? 'A key is a person or a program with a role. Viewers read; operators also run tasks, agents and nodes; admins also make keys and join tokens.'
            : 'The consoles signed in with your key.'
        }
        actions={
          <>
            {may('signInCode') && <SignInCode />}
            {may('keyCreate') && (
              <Button look="primary" icon={<Plus />} onClick={() => setCreating(true)}>
                Create a key
              </Button>
            )}
          </>
        }
      />
      {may('keyCreate') && <CreateKey open={creating} onOpenChange={setCreating} />}
      {may('keys') && <Keys />}
      <Sessions />
    </div>
  );
}

/** Signs in another browser as this person, without a key being typed there. */
function SignInCode() {
  const code = useAct('signInCode', { stales: ['audit'] });
  return (
    <>
      <Button icon={<MonitorSmartphone />} busy={code.isPending} onClick={() => code.mutate({})}>
        Sign in elsewhere
      </Button>
      <Dialog
        open={code.data !== undefined}
        onOpenChange={(open) => !open && code.reset()}
        title="Sign in elsewhere"
        text="Open this address in the other browser. It works once, signs in as you, and is worthless afterwards."
      >
        {code.data && (
          <>
            <CopyText text={code.data.url} label="Copy the address" />
            <p className="dim small">
              Good until <Time at={code.data.expiresMs} />. On a machine that does not reach this address, type the code
              alone: <code>{code.data.code}</code>
            </p>
          </>
        )}
      </Dialog>
    </>
  );
}
