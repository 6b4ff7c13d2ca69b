// Takes back a memory or a value that waits to be written.
import { Undo2 } from 'lucide-react';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';

/** `of`: what it is, for who does not see the line. */
export function TakeBack({ agent, id, of }: { agent: string; id: string; of?: string }) {
  const back = useAct('memoryTakeBack', {
    stales: ['memoryWaiting', 'memoryValues', 'audit'],
    done: () => 'Taken back.',
  });
  return (
    <Button
      look="quiet"
      icon={<Undo2 />}
      busy={back.isPending}
      aria-label={of === undefined ? undefined : `Take it back: ${of}`}
      onClick={() => back.mutate({ params: { agent, memory: id } })}
    >
      Take it back
    </Button>
  );
}
