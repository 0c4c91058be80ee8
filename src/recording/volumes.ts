import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { CommitLog, type CommitCounts } from './commit-log.js';
import { commitLogName, replayCommits } from './commit-replay.js';
import type { RecordingMode } from './events.js';
import { isVolumeName } from './layout.js';
import { DiskReserve } from './reserve.js';

/** Which targets' journals go to a folder of their own in the recordings folder: a disk mounted there, or a link to one. */
export interface VolumeOptions {
  readonly name: string;
  /** Names of targets; `*` stands for any characters. */
  readonly targets: readonly string[];
}

const leastRoomForLog = 256 * 1024 * 1024;

/** A place for journals that fills up by itself: with its own reserve, and its own log for group commits. */
export class Volume {
  /** What the ledger puts before a journal's path: "" or "NAME/". */
  readonly prefix: string;
  readonly dir: string;
  readonly reserve: DiskReserve;
  #log: CommitLog | null = null;
  #triedLog = false;

  constructor(recordingsDir: string, name: string | null, reserveBytes: number) {
    this.prefix = name === null ? '' : `${name}/`;
    this.dir = join(recordingsDir, this.prefix);
    this.reserve = new DiskReserve(join(this.dir, 'reserve'), reserveBytes);
  }

  /** Where a journal of this mode is made safe with others: a durable one at once, others when there are others. */
  logFor(mode: RecordingMode): () => CommitLog | null {
    if (mode !== 'durable') return () => this.#log ?? this.#logIfRoom();
    const log = this.#commits();
    return () => log;
  }

  /** Tried once: a disk that is nearly full is not filled for what only saves time. */
  #logIfRoom(): CommitLog | null {
    if (this.#triedLog) return null;
    this.#triedLog = true;
    try {
      const { bavail, bsize } = statfsSync(this.dir);
      return bavail * bsize < leastRoomForLog ? null : this.#commits();
    } catch {
      return null; // each journal is synced by itself then
    }
  }

  /** The log, made when it is first asked for. */
  #commits(): CommitLog {
    const path = join(this.dir, commitLogName);
    try {
      return (this.#log ??= CommitLog.create(path));
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  get counts(): CommitCounts {
    return this.#log?.counts ?? { commits: 0, syncs: 0 };
  }

  /** Ends the log; every journal is closed, so it holds nothing that is needed. */
  async close(): Promise<void> {
    await this.#log?.close();
    if (this.#log !== null) rmSync(join(this.dir, commitLogName), { force: true });
  }
}

/** The recordings folder itself and the volumes in it. */
export class Volumes {
  readonly main: Volume;
  readonly #others: readonly { readonly volume: Volume; readonly takes: RegExp }[];

  constructor(dir: string, options: readonly VolumeOptions[], reserveBytes: number) {
    this.main = new Volume(dir, null, reserveBytes);
    this.#others = options.map(({ name, targets }) => {
      if (!isVolumeName(name)) throw new SluiceError('config_invalid', `"${name}" cannot be the name of a volume`);
      mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
      return { volume: new Volume(dir, name, reserveBytes), takes: patternOf(targets) };
    });
  }

  get all(): readonly Volume[] {
    return [this.main, ...this.#others.map(({ volume }) => volume)];
  }

  /** Where sessions of a target are recorded. */
  of(target: string): Volume {
    return this.#others.find(({ takes }) => takes.test(target))?.volume ?? this.main;
  }

  /** Mends, after a power cut, what the commit logs still have. Gives the paths of the journals it mended. */
  async replay(isClosed: (session: string) => boolean): Promise<readonly string[]> {
    const mended: string[] = [];
    for (const { dir, prefix } of this.all) {
      for (const place of await replayCommits(dir, isClosed)) mended.push(`${prefix}${place}`);
    }
    return mended;
  }
}

function patternOf(targets: readonly string[]): RegExp {
  const escaped = targets.map((target) => target.replace(/[\\^$.|?+()[\]{}]/g, '\\$&').replaceAll('*', '.*'));
  return new RegExp(`^(?:${escaped.join('|')})$`);
}
