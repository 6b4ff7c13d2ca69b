// Reservations with their index by account. Called by apply.ts for a view or a layer over it, and by a draft for its own layers.
import type { ReservationRow } from './budget-rows.ts';
import { add, drop } from './task-index.ts';

interface Reserved {
  readonly reservations: Map<string, ReservationRow>;
  readonly reservedBy: Map<string, Set<string>>;
}

export function reserve(reserved: Reserved, row: ReservationRow): void {
  release(reserved, row.id);
  reserved.reservations.set(row.id, row);
  for (const account of row.accounts) add(reserved.reservedBy, account, row.id);
}
export function release({ reservations, reservedBy }: Reserved, id: string): void {
  const row = reservations.get(id);
  if (!row) return;
  for (const account of row.accounts) drop(reservedBy, account, id);
  reservations.delete(id);
}
