import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { CommitLog, type CommitCounts } from './commit-log.js';
import { commitLogName, replayCommits } from './commit-replay.js';
import { isVolumeName } from './layout.js';
import { DiskReserve } from './reserve.js';

/** Which targets' journals go to a folder of their own in the recordings folder: a disk mounted there, or a link to one. */
export interface VolumeOptions {
  readonly name: string;
  /** Names of targets; `*` stands for any characters. */
  readonly targets: readonly string[];
}

/** A place for journals that fills up by itself: with its own reserve, and its own log for group commits. */
export class Volume {
  /** What the ledger puts before a journal's path: "" or "NAME/". */
  readonly prefix: string;
  readonly dir: string;
  readonly reserve: DiskReserve;
  #log: CommitLog | null = null;

  constructor(recordingsDir: string, name: string | null, reserveBytes: number) {
    this.prefix = name === null ? '' : `${name}/`;
    this.dir = join(recordingsDir, this.prefix);
    this.reserve = new DiskReserve(join(this.dir, 'reserve'), reserveBytes);
  }

  /** The log, made when the first durable session asks for it. */
  get commits(): CommitLog {
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
