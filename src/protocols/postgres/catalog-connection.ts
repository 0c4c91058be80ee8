import type { CatalogQuery } from '../../analysis/catalog.js';
import type { TargetConfig } from '../../sessions/types.js';
import { isSluiceError } from '../../lib/errors.js';
import { dialPostgres } from './dial.js';
import { TextClient } from './text-client.js';

const timeoutMs = 30_000;
/** What was left by a firewall that forgot it never answers. */
const keptTimeoutMs = 10_000;
/** A database cannot be dropped while anybody is connected to it. */
const idleMs = 10_000;

async function dial(target: TargetConfig, signal: AbortSignal): Promise<TextClient> {
  const parameters = new Map([
    ['client_encoding', 'UTF8'],
    ['application_name', 'sluice catalog'],
  ]);
  return new TextClient(await dialPostgres(target, { parameters, signal }));
}

/**
 * Well below the second after which a server looks for deadlocks (deadlock_timeout): two sessions that wait for each other
 * are one no longer before either of them is ended.
 */
const lockWaitMs = 100;
/** SQLSTATE lock_not_available. */
const lockNotAvailable = '55P03';

function queryBy(client: TextClient, signal: AbortSignal): CatalogQuery {
  const query: CatalogQuery = async (sql) => (await client.query(sql, signal)).map(({ row }) => ({ row: row ?? null }));
  return Object.assign(query, {
    // Statements sent as one query are one transaction, and SET LOCAL ends with it: nothing stays behind at a pooler.
    bounded: async (sql: string) => {
      try {
        return await query(`set local lock_timeout = ${lockWaitMs}; ${sql}`);
      } catch (error) {
        if (isSluiceError(error) && error.details.targetCode === lockNotAvailable) return null;
        throw error;
      }
    },
  });
}

/** Runs `work` on a connection of the gateway's own, which ends with it: it starts as every session does now. */
export async function withCatalogConnection<T>(
  target: TargetConfig,
  work: (query: CatalogQuery) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  const client = await dial(target, signal);
  try {
    return await work(queryBy(client, signal));
  } finally {
    client.end();
  }
}

/**
 * A connection of the gateway's own that stays for the next question, and ends when none comes for ten seconds. So asking
 * needs no new place at a target that has none left.
 */
export class KeptConnection {
  #client: TextClient | null = null;
  #idle: NodeJS.Timeout | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work`, one after the other. */
  use<T>(target: TargetConfig, work: (query: CatalogQuery) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#use(target, work));
    this.#last = result.catch(() => undefined); // whoever asked hears of it
    return result;
  }

  end(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#client?.end();
    this.#client = null;
  }

  async #use<T>(target: TargetConfig, work: (query: CatalogQuery) => Promise<T>): Promise<T> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    try {
      const kept = this.#client;
      if (kept?.isOpen === true) {
        try {
          return await work(queryBy(kept, AbortSignal.timeout(keptTimeoutMs)));
        } catch (error) {
          if (kept.isOpen) throw error; // the target's own answer; else it had ended meanwhile, and is replaced
        }
      }
      const signal = AbortSignal.timeout(timeoutMs);
      this.#client = await dial(target, signal);
      return await work(queryBy(this.#client, signal));
    } finally {
      this.#idle = setTimeout(() => this.end(), idleMs).unref();
    }
  }
}
