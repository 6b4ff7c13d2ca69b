import { FleetError } from '@blackroad/protocol';
import { InvariantError } from '@blackroad/std/invariant';
import t from 'tap';
import { mayPass } from '../../road/outage.ts';
import { storageFailure } from '../sqlite/failure.ts';
import { fromCrossing, toCross } from './crossing-error.ts';

/** As another thread gets it. */
const crossed = (error: unknown) => fromCrossing(structuredClone(toCross(error)));
const ofSqlite = (code: string) => Object.assign(new Error('said by SQLite'), { name: 'SqliteError', code });

t.test('an error of the fleet keeps its code, its details, its stack and what caused it', async (t) => {
  const sent = storageFailure('commit', ofSqlite('SQLITE_FULL'));
  const error = crossed(sent) as FleetError;
  t.ok(error instanceof FleetError);
  t.match(error, { code: 'storage-failed', message: sent.message, stack: sent.stack, details: sent.details });
  t.match(error.cause, { name: 'SqliteError', code: 'SQLITE_FULL', message: 'said by SQLite' });
});
t.test('what may pass may still pass, and what may not may not', async (t) => {
  t.ok(mayPass(crossed(storageFailure('commit', ofSqlite('SQLITE_FULL')))));
  t.notOk(mayPass(crossed(storageFailure('commit', ofSqlite('SQLITE_CORRUPT')))));
});
t.test('a broken invariant keeps its name', async (t) => {
  const error = crossed(new InvariantError('INV-one-log', 'two heads')) as InvariantError;
  t.ok(error instanceof InvariantError);
  t.match(error, { invariant: 'INV-one-log', message: '[INV-one-log] two heads' });
});
t.test('any other error keeps its name and words; a circle of causes ends', async (t) => {
  const circle = new TypeError('no such thing', { cause: null });
  circle.cause = circle;
  t.match(crossed(circle), { name: 'TypeError', message: 'no such thing', cause: { name: 'TypeError' } });
  t.match(crossed('only words'), { message: 'only words' });
});
