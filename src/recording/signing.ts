import { sign, verify, type KeyObject } from 'node:crypto';
import { hashBytes, type ChainHead, type ChainQueue } from './chain.js';
import { encodeCheckpoint } from './event-encoder.js';
import type { CheckpointRecord } from './records.js';

const purpose = Buffer.from('sluice checkpoint 1\n');
export const signatureBytes = 64;

/** The key that signs, and the id under which its public half is known. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
}

/** Public keys that are trusted, by id. */
export type PublicKeys = ReadonlyMap<string, KeyObject>;

/** What a checkpoint signs: "sluice checkpoint 1\n" Int64(time in ms) Int64(count) Byte32(head). */
function signedBytes(at: number, count: number, head: Uint8Array): Buffer {
  const message = Buffer.alloc(purpose.length + 16 + hashBytes);
  let offset = purpose.copy(message);
  offset = message.writeBigUInt64BE(BigInt(Math.max(0, Math.trunc(at))), offset);
  offset = message.writeBigUInt64BE(BigInt(count), offset);
  message.set(head, offset);
  return message;
}

/** Queues a signature (Ed25519, RFC 8032) over everything in the chain so far, and gives it. */
export function appendCheckpoint(queue: ChainQueue, key: SigningKey, at: number): CheckpointRecord {
  const head = queue.head();
  const { count } = queue;
  const time = Math.max(0, Math.trunc(at));
  const signature = sign(null, signedBytes(time, count, head), key.privateKey);
  const checkpoint = { type: 'checkpoint', at: time, count, head, signature } as const;
  queue.append(encodeCheckpoint, checkpoint);
  return checkpoint;
}

/** Why this checkpoint does not vouch for the chain before it, or null when it does. */
export function checkpointProblem(
  checkpoint: CheckpointRecord,
  before: ChainHead,
  key: KeyObject | undefined,
): string | null {
  return placeProblem(checkpoint, before) ?? signatureProblem(checkpoint, key);
}

/** Why this checkpoint cannot stand behind these records, whoever signed it. */
export function placeProblem(checkpoint: CheckpointRecord, before: ChainHead): string | null {
  if (checkpoint.count !== before.count) return 'the signature counts other records';
  return before.hash.equals(checkpoint.head) ? null : 'the signature is over another chain';
}

/** Only the signature itself; used where the chain before it is damaged. */
export function signatureProblem(checkpoint: CheckpointRecord, key: KeyObject | undefined): string | null {
  if (key === undefined) return 'it is signed by a key that is not known here';
  if (checkpoint.signature.length !== signatureBytes || checkpoint.head.length !== hashBytes || checkpoint.at < 0) {
    return 'the signature is malformed';
  }
  const message = signedBytes(checkpoint.at, checkpoint.count, checkpoint.head);
  return verify(null, message, key, checkpoint.signature) ? null : 'the signature does not verify';
}
