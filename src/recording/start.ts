import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AnchorKeeper } from './anchor-keeper.js';
import { BufferPool } from './chain.js';
import { KeyRing } from './key-ring.js';
import { ledgerName } from './layout.js';
import type { Ledger, SignedHead } from './ledger.js';
import { openLedger } from './ledger-open.js';
import { lockRecordings, type RecordingsLock } from './lock.js';
import { OwnAnchor } from './own-anchor.js';
import { realSchedule } from './pulse.js';
import { recoverSessions } from './recover.js';
import type { RecorderOptions } from './types.js';
import { Volumes } from './volumes.js';

const defaultAnchorMs = 60_000;
/** The gateway's own is a file beside its keys: it costs nothing to keep it near. */
const ownAnchorMs = 1_000;
const defaultReserveBytes = 4 * 1024 * 1024;

/** Everything that writes in a recordings folder, with nothing left open from before. */
export interface StartedRecordings {
  readonly lock: RecordingsLock;
  readonly ring: KeyRing;
  readonly ledger: Ledger;
  readonly volumes: Volumes;
  readonly anchors: readonly AnchorKeeper[];
  readonly own: OwnAnchor;
  readonly pool: BufferPool;
}

type StartOptions = Pick<
  RecorderOptions,
  'dir' | 'keysDir' | 'gateway' | 'signingKeys' | 'volumes' | 'reserveBytes' | 'anchors' | 'anchorMs' | 'schedule'
> & { readonly clock: () => number; readonly onProblem: (message: string, cause: unknown) => void };

/** Takes lock, key, ledger and reserve, mends what a power cut took, and ends what a crash left open. */
export async function startRecordings(options: StartOptions): Promise<StartedRecordings> {
  const { dir, keysDir, gateway, clock, onProblem } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = lockRecordings(dir);
  try {
    const ring = await KeyRing.open({ keysDir, recordingsDir: dir, given: options.signingKeys ?? null });
    const keys = await ring.trusted();
    const volumes = new Volumes(dir, options.volumes ?? [], options.reserveBytes ?? defaultReserveBytes);
    const pool = new BufferPool();
    const own = new OwnAnchor(keysDir);
    const problem = await own.check(join(dir, ledgerName), keys, clock());
    if (problem !== null) onProblem(problem, null);
    const keepers = { gateway, onProblem, schedule: options.schedule ?? realSchedule };
    const anchors = [
      new AnchorKeeper({ ...keepers, sinks: [own.sink], intervalMs: ownAnchorMs }),
      new AnchorKeeper({ ...keepers, sinks: options.anchors ?? [], intervalMs: options.anchorMs ?? defaultAnchorMs }),
    ];
    const { active: key, signers } = ring;
    const { reserve } = volumes.main;
    const onSigned = (signed: SignedHead): void => anchors.forEach((keeper) => keeper.note(signed));
    const opened = await openLedger({ dir, key, signers, keys, pool, reserve, clock, onProblem, onSigned });
    const { ledger, sessions } = opened;
    // First of all: it names the key that signs what recovery writes.
    await ring.announceStart(ledger, opened.lastKey, { gateway, clock });
    const mended = await volumes.replay((id) => (sessions.get(id)?.closed ?? null) !== null);
    if (mended.length > 0) onProblem(`put back into ${mended.length} journals what a power cut took from them`, null);
    await recoverSessions({ dir, ledger, sessions, signers, keys, pool, clock, onProblem });
    await ring.forgetRetired();
    for (const volume of volumes.all) volume.reserve.take(); // after recovery: on a full disk the reserve was for that
    return { lock, ring, ledger, volumes, anchors, own, pool };
  } catch (error) {
    lock.release();
    throw error;
  }
}
