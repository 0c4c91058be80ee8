import type { OperationRow, Texts } from './operation-row.js';

/** 2^4 operations that follow each other are kept together: written once, and what they share once. */
export const blockBits = 4;
export const blockIdBits = 20; // of 24 for an operation's number

export interface EncodedBlock {
  readonly body: string;
  readonly fromAt: number;
  readonly toAt: number;
}

type Shared = string | readonly string[];
type StoredRow = readonly [
  op: number,
  at: number,
  kind: number,
  text: number,
  parameters: Texts,
  effects: number,
  verdict: number,
  policies: number,
  message: number,
  request: string | null,
  rowCount: number | null,
  error: number,
  durationMs: number | null,
  people: number,
];

/** As JSON: [what rows share, rows]; a row names what is shared by its place, −1 for nothing. */
export function encodeBlock(rows: Iterable<OperationRow>): EncodedBlock {
  const shared: Shared[] = [];
  const places = new Map<Shared, number>();
  const place = (value: Shared | null): number => {
    if (value === null) return -1;
    let found = places.get(value);
    if (found !== undefined) return found;
    // Lists that say the same are the same one, mostly.
    const key = typeof value === 'string' ? value : `\u0000${value.join('\u0000')}`;
    found = places.get(key) ?? shared.push(value) - 1;
    places.set(key, found).set(value, found);
    return found;
  };
  const stored: StoredRow[] = [];
  let fromAt = Infinity;
  let toAt = -Infinity;
  for (const row of rows) {
    if (row.at < fromAt) fromAt = row.at;
    if (row.at > toAt) toAt = row.at;
    stored.push([
      row.op,
      row.at,
      place(row.kind),
      place(row.text),
      row.parameters,
      place(row.effects),
      place(row.verdict),
      place(row.policies),
      place(row.message),
      row.request,
      row.rowCount,
      place(row.error),
      row.durationMs,
      place(row.people),
    ]);
  }
  return { body: JSON.stringify([shared, stored]), fromAt, toAt };
}

/** Rows that are found the way they are. */
export function decodeBlock(body: string): OperationRow[] {
  const [shared, stored] = JSON.parse(body) as [Shared[], StoredRow[]];
  return stored.map((row) => rowOf(row, shared));
}

/** One row of a block. */
export function rowInBlock(body: string, op: number): OperationRow | null {
  const [shared, stored] = JSON.parse(body) as [Shared[], StoredRow[]];
  const row = stored.find((each) => each[0] === op);
  return row === undefined ? null : rowOf(row, shared);
}

/** Written out, and without patterns that iterate: a search may read thousands. */
function rowOf(row: StoredRow, shared: readonly Shared[]): OperationRow {
  const text = (place: number): string | null => (shared[place] ?? null) as string | null;
  const list = (place: number): readonly string[] => (shared[place] ?? []) as readonly string[];
  return {
    op: row[0],
    at: row[1],
    kind: text(row[2]) ?? '',
    text: text(row[3]) ?? '',
    parameters: row[4],
    effects: list(row[5]),
    verdict: text(row[6]),
    policies: list(row[7]),
    message: text(row[8]),
    request: row[9],
    rowCount: row[10],
    error: text(row[11]),
    durationMs: row[12],
    people: text(row[13]) ?? '',
    indexed: 'yes',
  };
}
