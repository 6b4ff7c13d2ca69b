// Statements of a PostgreSQL server: a pool of connections that are made when they are needed, a deadline for each statement, errors as sentences
// that hold no password. In: text and values. Out: rows.
import type { Pool, PoolConfig } from 'pg';
import { unreachable, VectorStoreError } from './vector-store.ts';

export interface PostgresAddress {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** `prefer`: encrypted where the server can. `verify`: only with a certificate for this host that this machine trusts. */
  tls: 'prefer' | 'verify';
}

const connections = 4;
const connectWithinMs = 5_000;
const answerWithinMs = 30_000;
/** Rows that a search looks at in a graph: with 400 it finds .79 of the nearest of a set of which nothing is near to anything, with 100 .53. [M] */
const looked = 400;

export class PostgresCalls {
  readonly #address: PostgresAddress;
  /** Null: none was needed yet. */
  #pool: Promise<Pool> | null = null;
  #isEncrypted = true;

  constructor(address: PostgresAddress) {
    this.#address = address;
  }

  /** `name`: of a statement that comes again. @throws VectorStoreError */
  async rows<R extends object>(text: string, values: unknown[] = [], name?: string): Promise<R[]> {
    try {
      const pool = await this.#opened();
      return (await pool.query<R>({ text, values, ...(name === undefined ? {} : { name }) })).rows;
    } catch (error) {
      const isPlain = /does not support SSL/.test((error as Error).message);
      if (!this.#isEncrypted || this.#address.tls !== 'prefer' || !isPlain) throw asFault(error);
      this.#isEncrypted = false;
      await this.close();
      return this.rows(text, values, name);
    }
  }
  /** Statements without a deadline, one after the other on one connection. */
  async slowly(statements: readonly string[]): Promise<void> {
    const client = await (await this.#opened()).connect();
    try {
      await client.query('SET statement_timeout = 0');
      for (const text of statements) await client.query({ text, query_timeout: 0 } as { text: string });
    } finally {
      client.release(true);
    }
  }
  async close(): Promise<void> {
    const pool = await this.#pool;
    this.#pool = null;
    await pool?.end();
  }

  #opened(): Promise<Pool> {
    this.#pool ??= this.#open();
    return this.#pool;
  }
  async #open(): Promise<Pool> {
    // Loaded by the coordinators that use it alone.
    const { default: pg } = await import('pg');
    const { host, port, database, user, password, tls } = this.#address;
    const config: PoolConfig = {
      ...{ host, port, database, user, password, max: connections },
      ssl: this.#isEncrypted ? { rejectUnauthorized: tls === 'verify' } : false,
      connectionTimeoutMillis: connectWithinMs,
      statement_timeout: answerWithinMs,
      // The server ends it first, so that it is not done after this side has given it up.
      query_timeout: answerWithinMs + 1_000,
      application_name: 'blackroad-fleet',
      options: `-c hnsw.ef_search=${looked} -c hnsw.iterative_scan=relaxed_order`,
    };
    const pool = new pg.Pool(config);
    // A connection that breaks while nobody uses it is made anew by the next call.
    pool.on('error', () => {});
    return pool;
  }
}

/** Classes of SQLSTATE that end by themselves: connection, rollback, resources, intervention, system. */
const passing = /^(08|40|53|57|58)/;
function asFault(error: unknown): VectorStoreError {
  const { code, message } = error as { code?: string; message: string };
  const isState = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E');
  if (!isState) return unreachable(error);
  const fault = passing.test(code) ? 'away' : 'refused';
  return new VectorStoreError(fault, `It answered: ${message} (${code}).`, { cause: error });
}
