import { ByteReader, type ByteWriter } from './byte-writer.js';
import { unionOf } from './union.js';

/**
 * Where a term stands: groups of one session each, sessions ascending.
 * group: varint(session − that of the group before) varint(bytes that follow) varint(operation − the one before)…
 * One session may have more than one group in a row, since lists are joined without being read.
 */

/** Operations of one session, still to be read. */
export interface Group {
  readonly session: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Appends one group. `operations` ascend and hold nothing twice. */
export function writeGroup(out: ByteWriter, sessionStep: number, operations: readonly number[]): void {
  let size = 0;
  let previous = 0;
  for (const operation of operations) {
    size += sizeOf(operation - previous);
    previous = operation;
  }
  out.varint(sessionStep);
  out.varint(size);
  previous = 0;
  for (const operation of operations) {
    out.varint(operation - previous);
    previous = operation;
  }
}

function sizeOf(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4; // an operation's number has 24 bits
}

/** The groups of a list that stands in `bytes`. */
export function groupsOf(bytes: Buffer, start: number, end: number): Group[] {
  const groups: Group[] = [];
  const reader = new ByteReader(bytes, start, end);
  let session = 0;
  while (!reader.isDone) {
    session += reader.varint();
    const length = reader.varint();
    const from = reader.skip(length);
    groups.push({ session, bytes, start: from, end: from + length });
  }
  return groups;
}

/** The operations of groups of one session, ascending, each once. */
export function operationsOf(groups: readonly Group[]): readonly number[] {
  const [only, second] = groups;
  if (only === undefined) return [];
  return second === undefined ? operationsIn(only) : unionOf(groups.map(operationsIn));
}

/** Those of `operations`, which ascend, that stand in the groups of one session. Nothing is made of the rest. */
export function keepIn(operations: readonly number[], groups: readonly Group[]): readonly number[] {
  if (operations.length === 0 || groups.length === 0) return [];
  const hits = new Uint8Array(operations.length);
  for (const group of groups) markHits(hits, operations, group);
  return operations.filter((_, index) => hits[index] === 1);
}

function markHits(hits: Uint8Array, operations: readonly number[], group: Group): void {
  let index = 0;
  let wanted = operations[0] ?? Infinity;
  eachOperation(group, (operation) => {
    while (wanted < operation) wanted = operations[++index] ?? Infinity;
    if (wanted === operation) hits[index] = 1;
    return wanted !== Infinity;
  });
}

function operationsIn(group: Group): number[] {
  const operations: number[] = [];
  eachOperation(group, (operation) => operations.push(operation) > 0);
  return operations;
}

/** Gives the operations of a group, ascending, as long as `take` wants more. */
function eachOperation({ bytes, start, end }: Group, take: (operation: number) => boolean): void {
  let operation = 0;
  for (let at = start; at < end;) {
    let byte = bytes[at++] ?? 0;
    let step = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = bytes[at++] ?? 0;
      step |= (byte & 0x7f) << shift;
    }
    operation += step;
    if (!take(operation)) return;
  }
}

/** Joins lists whose sessions ascend from list to list or overlap: groups are taken in the order of their sessions. */
export function joinLists(out: ByteWriter, lists: readonly { bytes: Buffer; start: number; end: number }[]): void {
  const groups = lists.flatMap(({ bytes, start, end }) => groupsOf(bytes, start, end));
  groups.sort((one, other) => one.session - other.session); // stable: older segments first
  let session = 0;
  for (const group of groups) {
    out.varint(group.session - session);
    out.varint(group.end - group.start);
    out.bytes(group.bytes.subarray(group.start, group.end));
    session = group.session;
  }
}
