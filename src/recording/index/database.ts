import { rmSync } from 'node:fs';
import Database from 'libsql';
import { ensurePrivate } from '../../lib/private-files.js';
import { schema, schemaVersion } from './schema.js';

export type SqlValue = string | number | bigint | Buffer | null;

/**
 * The index's connection. Statements are prepared once; rows are arrays. Whole numbers that are compared with an id or
 * stand in LIMIT go in as bigint: a number would be bound as a float.
 */
export class IndexDatabase {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  private constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Opens the index; one that is of another version or cannot be read is thrown away, since it can be built again. */
  static open(path: string): IndexDatabase {
    try {
      return new IndexDatabase(connect(path));
    } catch {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      return new IndexDatabase(connect(path));
    }
  }

  /** A new file for a part of an index, whose sessions are numbered from `firstSeq` on. It is taken in, not kept. */
  static openPart(path: string, firstSeq: number): IndexDatabase {
    const part = new IndexDatabase(connect(path, 'off'));
    part.run(`insert into sqlite_sequence (name, seq) values ('sessions', ?)`, firstSeq - 1);
    return part;
  }

  /** The number of the last session there ever was. */
  get lastSeq(): number {
    return this.row<[number]>(`select seq from sqlite_sequence where name = 'sessions'`)?.[0] ?? 0;
  }

  /** Takes in a part that was built beside; its file is no longer needed then. */
  takeIn(path: string): void {
    this.#db.prepare('attach database ? as part').run(path);
    try {
      this.transaction(() => {
        const [last] = this.row<[number]>('select coalesce(max(id), 0) from segments') ?? [0];
        this.#db.exec(`
          insert into sessions select * from part.sessions;
          insert into blocks select * from part.blocks;
          insert into segments select id + ${last}, level, bytes from part.segments;
          insert into segment_parts (segment, first, body)
            select segment + ${last}, first, body from part.segment_parts order by id;
        `);
      });
    } finally {
      this.#db.exec('detach database part');
    }
  }

  /** Runs one of the index's own, constant statements. */
  run(sql: string, ...values: readonly SqlValue[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid);
  }

  row<T extends readonly SqlValue[]>(sql: string, ...values: readonly SqlValue[]): T | null {
    return (
      (this.#prepare(sql)
        .raw()
        .get(...values) as T | undefined) ?? null
    );
  }

  rows<T extends readonly SqlValue[]>(sql: string, ...values: readonly SqlValue[]): readonly T[] {
    return this.#prepare(sql)
      .raw()
      .all(...values) as readonly T[];
  }

  transaction(work: () => void): void {
    this.#db.exec('begin immediate');
    try {
      work();
      this.#db.exec('commit');
    } catch (error) {
      this.#db.exec('rollback');
      throw error;
    }
  }

  /** Empties the index, to be built again. */
  clear(): void {
    this.transaction(() => {
      for (const table of ['sessions', 'blocks', 'segments', 'segment_parts', 'forgotten']) {
        this.#db.exec(`delete from ${table}`);
      }
    });
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

function connect(path: string, journal: 'wal' | 'off' = 'wal'): Database.Database {
  ensurePrivate(path); // it has the texts of all statements
  const db = new Database(path);
  try {
    db.pragma(`journal_mode = ${journal}`);
    // The journals are the truth: a power cut may cost the index its last seconds, and they are read again.
    db.pragma('synchronous = OFF');
    const [version] = db.prepare('pragma user_version').raw().get() as [number];
    if (version === 0) db.exec(`begin; ${schema}; pragma user_version = ${schemaVersion}; commit`);
    else if (version !== schemaVersion) throw new Error('an index of another version');
    // What was being joined from others when the last process ended.
    db.exec('delete from segments where level < 0');
    db.exec('delete from segment_parts where segment not in (select id from segments)');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
