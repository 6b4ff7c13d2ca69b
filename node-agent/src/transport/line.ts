// What is sent on one connection, from its birth message to its end: the rows of the outbox in order, so many unacknowledged at a time, and
// perishable messages beside them, which are dropped where the line is too slow. In: messages and PUBACKs. Out: publishes on the link. A
// broker that acknowledges nothing ends the connection. Each connection has a line of its own.
import type { Encoded } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Link } from './dial.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxRow } from './recent-rows.ts';

/** Unacknowledged publishes of the outbox: enough to fill a slow line, few enough to be sent twice without harm. */
const maxInFlight = 32;
/** Perishable messages that wait for their PUBACK or in the socket; more are dropped, as the line is too slow for them. */
const maxLoose = 200;
const maxBacklogBytes = 512 * 1024;
/** A broker that accepts messages and acknowledges none counts as gone, even if it answers pings. */
const ackDeadlineMs = 30_000;

export class Line {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #onDropped: () => void;
  /** The outbox row sent last on this connection. */
  #cursor = 0;
  #inFlight = 0;
  #ackTimer: Timer | null = null;
  #stalled = false;
  #loose = 0;
  #isOver = false;

  /** `onDropped`: a perishable message was dropped. */
  constructor(parts: { link: Link; outbox: Outbox; clock: Clock; onDropped: () => void }) {
    this.#link = parts.link;
    this.#outbox = parts.outbox;
    this.#clock = parts.clock;
    this.#onDropped = parts.onDropped;
  }

  /** Sends a perishable message, or drops it. */
  publish(message: Encoded): void {
    if (this.#isOver) return;
    if (this.#loose >= maxLoose || this.#link.backlogBytes > maxBacklogBytes) {
      this.#onDropped();
      return;
    }
    this.#loose++;
    const done = () => {
      if (this.#isOver) return;
      this.#loose--;
      if (this.#stalled) this.pump();
    };
    this.#link.publish(message.topic, message.payload, message.qos, message.retain).then(done, done);
  }

  /** Sends the rows of the outbox that are not sent yet, as many as may be unacknowledged. */
  pump(): void {
    while (!this.#isOver && this.#inFlight < maxInFlight) {
      // With nothing in flight no PUBACK would continue the sending; the perishable messages in the socket do so when they drain.
      this.#stalled = this.#link.backlogBytes > maxBacklogBytes;
      if (this.#stalled) return;
      const rows = this.#outbox.next(this.#cursor, maxInFlight - this.#inFlight);
      if (rows.length === 0) return;
      for (const row of rows) {
        this.#cursor = row.seq;
        this.#publishRow(row);
      }
    }
  }

  /** Sends the row of this key once more, if it was sent on this connection. */
  again(key: string): void {
    const row = this.#isOver ? undefined : this.#outbox.row(key);
    if (row && row.seq <= this.#cursor) this.#publishRow(row);
  }

  /** Sends every row of the outbox once more. */
  repeat(): void {
    this.#cursor = 0;
    this.pump();
  }

  /** The connection is over: its unacknowledged rows are still in the outbox and are sent first on the next one. */
  end(): void {
    this.#isOver = true;
    this.#ackTimer?.cancel();
    this.#ackTimer = null;
  }

  #publishRow(row: OutboxRow): void {
    this.#inFlight++;
    this.#ackTimer ??= this.#awaitAck();
    this.#link.publish(row.topic, row.payload, row.qos, row.retain).then(
      () => {
        if (this.#isOver) return;
        this.#inFlight--;
        this.#ackTimer?.cancel();
        this.#ackTimer = null;
        if (this.#inFlight > 0) this.#ackTimer = this.#awaitAck();
        this.#outbox.sent(row.seq);
        this.pump();
      },
      () => {},
    );
  }

  #awaitAck(): Timer {
    return this.#clock.after(ackDeadlineMs, () => this.#link.destroy('the broker acknowledges nothing'));
  }
}
