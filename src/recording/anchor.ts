import { ledgerHeader } from './records.js';
import { chunksOf, RecordScanner, type RecordingSource } from './scan.js';
import { signatureProblem, type PublicKeys } from './signing.js';
import type { SignedHead } from './ledger.js';

/**
 * A signature of the ledger's, kept elsewhere: so many records, the last of which has this hash. A ledger that does not
 * hold it any more was rolled back or rewritten. docs/recording-format.md, "Anchors"
 */
export interface LedgerAnchor {
  readonly schema: 'sluice.anchor/v1';
  readonly gateway: string;
  /** The signature's time, RFC 3339 with milliseconds. */
  readonly at: string;
  readonly records: number;
  /** Chain hash of the last of those records, hex. */
  readonly head: string;
  readonly key: string;
  /** Ed25519, base64; over what a checkpoint signs. */
  readonly signature: string;
}

export function anchorOf({ checkpoint, key }: SignedHead, gateway: string): LedgerAnchor {
  return {
    schema: 'sluice.anchor/v1',
    gateway,
    at: new Date(checkpoint.at).toISOString(),
    records: checkpoint.count,
    head: Buffer.from(checkpoint.head).toString('hex'),
    key,
    signature: Buffer.from(checkpoint.signature).toString('base64'),
  };
}

/** Reads anchors from text: one JSON document, or one on each line. Throws TypeError for anything else. */
export function parseAnchors(text: string): readonly LedgerAnchor[] {
  const whole = tryJson(text.trim());
  const documents =
    whole === undefined
      ? text
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map(tryJson)
      : [whole];
  if (documents.length === 0) throw new TypeError('there is no anchor in it');
  return documents.map((document, index) => {
    if (isAnchor(document)) return document;
    throw new TypeError(`line ${index + 1} is not an anchor`);
  });
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isAnchor(value: unknown): value is LedgerAnchor {
  if (typeof value !== 'object' || value === null) return false;
  const anchor = value as Readonly<Record<string, unknown>>;
  return (
    anchor['schema'] === 'sluice.anchor/v1' &&
    typeof anchor['at'] === 'string' &&
    !Number.isNaN(Date.parse(anchor['at'])) &&
    Number.isSafeInteger(anchor['records']) &&
    /^[0-9a-f]{64}$/.test(String(anchor['head'])) &&
    typeof anchor['key'] === 'string' &&
    typeof anchor['signature'] === 'string'
  );
}

/** Why this ledger is not the one that the anchors saw, or null when it holds all of them. */
export async function anchorProblem(
  ledger: RecordingSource,
  anchors: readonly LedgerAnchor[],
  keys: PublicKeys,
): Promise<string | null> {
  for (const anchor of anchors) {
    const problem = signatureProblem(
      {
        type: 'checkpoint',
        at: Date.parse(anchor.at),
        count: anchor.records,
        head: Buffer.from(anchor.head, 'hex'),
        signature: Buffer.from(anchor.signature, 'base64'),
      },
      keys.get(anchor.key),
    );
    if (problem !== null) return `the anchor of ${anchor.at} proves nothing: ${problem}`;
  }
  // Two of the same number that differ are two histories: whichever the ledger has, it was rewritten.
  const wanted = new Map<number, LedgerAnchor[]>();
  for (const anchor of anchors) wanted.set(anchor.records, [...(wanted.get(anchor.records) ?? []), anchor]);
  const scanner = new RecordScanner(ledgerHeader);
  for await (const chunk of chunksOf(ledger)) {
    for (const { index, hash } of scanner.push(chunk)) {
      const other = wanted.get(index)?.find(({ head }) => head !== hash.toString('hex'));
      if (other !== undefined) return `it was rewritten: an anchor of ${other.at} saw another record ${index}`;
      wanted.delete(index);
    }
  }
  const [missing] = [...wanted.values()].flat();
  return missing === undefined
    ? null
    : `it was rewound: an anchor of ${missing.at} saw ${missing.records} records, and there are ${scanner.count}`;
}
