// A one-time code for another browser: on a phone by its camera, elsewhere by the address or typed.
import type { RouteAnswer } from '@blackroad/protocol';
import { MonitorSmartphone } from 'lucide-react';
import { useAct } from '../../data/query.ts';
import { Left } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { CopyText } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { QrCode } from '../../kit/qr-code.tsx';

/** Signs in another browser as this person, without a key being typed there. */
export function SignInElsewhere() {
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
        text="Works once, in one other browser, and signs in there as you."
      >
        {code.data && <Code of={code.data} />}
      </Dialog>
    </>
  );
}

function Code({ of: { code, url, networkUrl, expiresMs } }: { of: RouteAnswer<'signInCode'> }) {
  return (
    <div className="stack">
      {networkUrl === null ? (
        <>
          <CopyText text={url} label="Copy the address" />
          <p className="warn small">
            This coordinator listens on its own machine only, so another device cannot open it. Start it without{' '}
            <code>--host 127.0.0.1</code> to change that.
          </p>
        </>
      ) : (
        <>
          <div className="access-code">
            <QrCode text={networkUrl} label="The address as a QR code" />
            <div className="stack">
              <p>On a phone in this network: point the camera at it, or type the address.</p>
              <p className="small">
                The browser will say that the connection is not private: the certificate is signed by this fleet itself,
                and the phone does not know it yet. Go on (<strong>Advanced</strong>, <strong>Continue</strong>), or
                import <code>ca.pem</code> from the data folder first.
              </p>
            </div>
          </div>
          <CopyText text={networkUrl} label="Copy the address" />
        </>
      )}
      <p className="dim small">
        Valid for <Left until={expiresMs} />. Where the console is open already, type the code alone:{' '}
        <code>{code}</code>
      </p>
    </div>
  );
}
