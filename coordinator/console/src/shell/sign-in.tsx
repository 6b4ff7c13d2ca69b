// The sign-in: a one-time code from the terminal, or an API key.
import { type FormEvent, useState } from 'react';
import type { SessionDoor } from '../data/session.tsx';
import { Button } from '../kit/button.tsx';
import { TextField } from '../kit/field.tsx';
import { wordsOf } from '../kit/words.ts';
import { Mark } from './mark.tsx';

export function SignIn({ door, why }: { door: SessionDoor; why: string }) {
  const [code, setCode] = useState('');
  const [problem, setProblem] = useState(why);
  const [busy, setBusy] = useState(false);
  const enter = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await door.signIn(code.trim());
    } catch (error) {
      setProblem(wordsOf(error));
      setBusy(false);
    }
  };
  return (
    <main className="door">
      <title>Sign in · BlackRoad Fleet</title>
      <form className="door-card" onSubmit={enter}>
        <Mark />
        <h1>BlackRoad Fleet</h1>
        <p className="dim">Your AI. Your hardware. Your rules.</p>
        <TextField
          label="One-time code or API key"
          name="code"
          type="password"
          autoComplete="current-password"
          required
          autoFocus
          value={code}
          onChange={(event) => setCode(event.target.value)}
          fault={problem || undefined}
          hint={
            <>
              On the coordinator's machine, <code>bin/fleet console</code> prints a link that signs you in.
            </>
          }
        />
        <Button look="primary" type="submit" busy={busy}>
          Sign in
        </Button>
      </form>
    </main>
  );
}

/** The coordinator could not be asked who this is. */
export function Unreachable({ door, why }: { door: SessionDoor; why: string }) {
  return (
    <main className="door">
      <title>No answer · BlackRoad Fleet</title>
      <div className="door-card" role="alert">
        <Mark />
        <h1>No answer</h1>
        <p>{why}</p>
        <Button look="primary" onClick={door.retry}>
          Try again
        </Button>
      </div>
    </main>
  );
}
