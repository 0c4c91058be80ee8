import { createHash } from 'node:crypto';
import { appendFile, copyFile, cp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Copies of one gateway's recordings, all made past it, in the hands of whoever owns their disk. */
export interface Seized {
  /** The copy that is changed. */
  readonly dir: string;
  /** Sessions in the order they were opened, as paths relative to `dir`. */
  readonly journals: readonly string[];
  /** The same folder as it was before the last session. */
  readonly older: string;
  /** The recordings of another gateway, sound in themselves. */
  readonly foreign: string;
  /** Its sessions, as paths relative to `foreign`. */
  readonly foreignJournals: readonly string[];
}

export interface RecordingAttack {
  readonly name: string;
  readonly change: (seized: Seized) => Promise<unknown>;
}

interface Chained {
  readonly offset: number;
  readonly body: Buffer;
  readonly end: number;
}

const ledger = 'ledger.journal';
const hashBytes = 32;

/** Header line, then Int32(length) body Byte32(hash): docs/recording-format.md, read by nothing of the gateway's. */
export function recordsIn(file: Buffer): readonly Chained[] {
  const records: Chained[] = [];
  for (let offset = file.indexOf('\n') + 1; offset < file.length;) {
    const length = file.readUInt32BE(offset);
    const end = offset + 4 + length + hashBytes;
    records.push({ offset, body: file.subarray(offset + 4, offset + 4 + length), end });
    offset = end;
  }
  return records;
}

/** A chain of these bodies whose every hash fits: SHA-256 needs no key. */
function chained(header: Buffer, bodies: readonly Buffer[]): Buffer {
  const parts = [header];
  let previous = createHash('sha256').update(header).digest();
  for (const body of bodies) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    previous = createHash('sha256').update(previous).update(length).update(body).digest();
    parts.push(length, body, previous);
  }
  return Buffer.concat(parts);
}

/** One more record behind the last: whoever has the file can make its hash. */
export function nextRecord(file: Buffer, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const previous = file.subarray(-hashBytes);
  return Buffer.concat([length, body, createHash('sha256').update(previous).update(length).update(body).digest()]);
}

/** Changes the bodies of a file, and makes the hashes fit again. */
async function rewrite(path: string, change: (bodies: Buffer[]) => readonly Buffer[]): Promise<void> {
  const file = await readFile(path);
  const records = recordsIn(file);
  const bodies = records.map(({ body }) => Buffer.from(body));
  await writeFile(path, chained(file.subarray(0, records[0]?.offset), change(bodies)));
}

async function flip(path: string, at: (file: Buffer) => number): Promise<void> {
  const file = await readFile(path);
  const place = at(file);
  file.writeUInt8(file.readUInt8(place) ^ 1, place);
  await writeFile(path, file);
}

const first = ({ dir, journals }: Seized): string => join(dir, journals[0] ?? '');
const second = ({ dir, journals }: Seized): string => join(dir, journals[1] ?? '');
const book = ({ dir }: Seized): string => join(dir, ledger);
const without = <T>(list: readonly T[], index: number): readonly T[] => list.filter((_, at) => at !== index);
/** A share of the way through a list or a file. */
const part = (length: number, share: number): number => Math.min(length - 1, Math.floor(length * share));
const shares = [0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.999];

/** In one file, `which`: the session's or the ledger. */
function attacksOn(what: string, which: (seized: Seized) => string): readonly RecordingAttack[] {
  return [
    ...shares.map((share) => ({
      name: `${what}: one bit, at ${share} of it`,
      change: (seized: Seized) => flip(which(seized), (file) => part(file.length, share)),
    })),
    ...shares.map((share) => ({
      name: `${what}: one bit of a record, at ${share} of it, with hashes that fit`,
      change: (seized: Seized) =>
        rewrite(which(seized), (bodies) => {
          const body = bodies[part(bodies.length, share)];
          if (body !== undefined) body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1);
          return bodies;
        }),
    })),
    ...[0, 0.3, 0.6, 0.999].flatMap((share): RecordingAttack[] => [
      {
        name: `${what}: a record is missing, at ${share} of it, with hashes that fit`,
        change: (seized) => rewrite(which(seized), (bodies) => without(bodies, part(bodies.length, share))),
      },
      {
        name: `${what}: a record stands twice, at ${share} of it, with hashes that fit`,
        change: (seized) =>
          rewrite(which(seized), (bodies) => {
            const at = part(bodies.length, share);
            return [...bodies.slice(0, at + 1), ...bodies.slice(at)];
          }),
      },
      {
        name: `${what}: two records change places, at ${share} of it, with hashes that fit`,
        change: (seized) =>
          rewrite(which(seized), (bodies) => {
            const at = Math.min(part(bodies.length, share), bodies.length - 2);
            return [...bodies.slice(0, at), ...bodies.slice(at, at + 2).reverse(), ...bodies.slice(at + 2)];
          }),
      },
    ]),
    {
      name: `${what}: nothing in it`,
      change: (seized) => truncate(which(seized), 0),
    },
    {
      name: `${what}: the last byte is missing`,
      change: async (seized) => truncate(which(seized), (await readFile(which(seized))).length - 1),
    },
    {
      name: `${what}: its last record once more behind it, with a hash that fits`,
      change: (seized) => rewrite(which(seized), (bodies) => [...bodies, ...bodies.slice(-1)]),
    },
    {
      name: `${what}: gone`,
      change: (seized) => rm(which(seized)),
    },
  ];
}

/** Where the ledger speaks of a session: by its id, as text. */
async function entriesOf(seized: Seized, path: string): Promise<readonly number[]> {
  const id = /ses_[0-9a-z]+/.exec(path)?.[0] ?? 'no id';
  const records = recordsIn(await readFile(book(seized)));
  return records.flatMap(({ body }, index) => (body.includes(id) ? [index] : []));
}

/** Everything that who has the disk, and no key, may do with what is on it. */
export const recordingAttacks: readonly RecordingAttack[] = [
  ...attacksOn('session', first),
  ...attacksOn('ledger', book),
  {
    // Behind the ledger's end the start of a record may stand: a gateway that was cut off leaves one.
    name: 'session: a byte more',
    change: (seized) => appendFile(first(seized), '\0'),
  },
  {
    name: 'a statement is another one, with hashes that fit',
    change: (seized) =>
      rewrite(first(seized), (bodies) => {
        for (const body of bodies) {
          const at = body.indexOf('delete');
          if (at >= 0) body.write('select', at);
        }
        return bodies;
      }),
  },
  {
    name: 'two sessions under each other’s name',
    change: async (seized) => {
      await rename(first(seized), `${first(seized)}.aside`);
      await rename(second(seized), first(seized));
      await rename(`${first(seized)}.aside`, second(seized));
    },
  },
  {
    name: 'one session in place of another',
    change: (seized) => copyFile(second(seized), first(seized)),
  },
  {
    name: 'one session behind the name of another',
    change: async (seized) => {
      await rm(first(seized));
      await symlink(second(seized), first(seized));
    },
  },
  {
    name: 'a session in another day’s folder',
    change: async (seized) => {
      const elsewhere = join(seized.dir, '2001-01-01');
      await cp(join(first(seized), '..'), elsewhere, { recursive: true });
      await rm(first(seized));
    },
  },
  {
    name: 'a session that the ledger does not know',
    change: async (seized) => {
      const [path = ''] = seized.foreignJournals;
      await cp(join(seized.foreign, path), join(seized.dir, path), { recursive: true });
    },
  },
  {
    name: 'another gateway’s session under this one’s name',
    change: (seized) => copyFile(join(seized.foreign, seized.foreignJournals[0] ?? ''), first(seized)),
  },
  {
    name: 'another gateway’s ledger',
    change: (seized) => copyFile(join(seized.foreign, ledger), book(seized)),
  },
  {
    name: 'everything of another gateway, its published key included',
    change: async (seized) => {
      await rm(seized.dir, { recursive: true });
      await cp(seized.foreign, seized.dir, { recursive: true });
    },
  },
  {
    name: 'a session and all that the ledger says of it, with hashes that fit',
    change: async (seized) => {
      const entries = await entriesOf(seized, seized.journals[0] ?? '');
      await rm(first(seized));
      await rewrite(book(seized), (bodies) => bodies.filter((_, index) => !entries.includes(index)));
    },
  },
  {
    name: 'the last session and the end of the ledger from its first entry on',
    change: async (seized) => {
      const path = seized.journals.at(-1) ?? '';
      const [entry = 0] = await entriesOf(seized, path);
      const records = recordsIn(await readFile(book(seized)));
      await rm(join(seized.dir, path));
      await truncate(book(seized), records[entry]?.offset ?? 0);
    },
  },
  {
    name: 'the whole folder as it was before',
    change: async (seized) => {
      await rm(seized.dir, { recursive: true });
      await cp(seized.older, seized.dir, { recursive: true });
    },
  },
  {
    name: 'the ledger as it was before, the later session gone with it',
    change: async (seized) => {
      await copyFile(join(seized.older, ledger), book(seized));
      await rm(join(seized.dir, seized.journals.at(-1) ?? ''));
    },
  },
];
