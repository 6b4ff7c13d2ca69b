// The end of a form in a dialog: the way out, and the verb that sends it.
import { Button } from './button.tsx';

interface FormEndProps {
  /** `Save`. */
  verb: string;
  busy: boolean;
  /** What was typed cannot be sent yet. */
  disabled?: boolean;
  onCancel(): void;
}
export function FormEnd({ verb, busy, disabled = false, onCancel }: FormEndProps) {
  return (
    <footer className="row end">
      <Button onClick={onCancel}>Cancel</Button>
      <Button look="primary" type="submit" busy={busy} disabled={disabled}>
        {verb}
      </Button>
    </footer>
  );
}
