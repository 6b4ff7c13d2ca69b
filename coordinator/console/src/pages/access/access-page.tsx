// Access: keys of people and programs, one-time codes, and the consoles that are signed in. A secret is shown once.
import { Plus } from 'lucide-react';
import { useMay } from '../../data/session.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { PageHead } from '../../kit/layout.tsx';
import { CreateKey } from './create-key.tsx';
import { Keys } from './keys.tsx';
import { Sessions } from './sessions.tsx';
import { SignInElsewhere } from './sign-in-elsewhere.tsx';

export default function AccessPage() {
  const may = useMay();
  const [doing, setDoing] = useAddress('/keys', 'do');
  const creating = doing === 'create';
  const setCreating = (now: boolean) => setDoing(now ? 'create' : '');
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
            {may('signInCode') && <SignInElsewhere />}
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
