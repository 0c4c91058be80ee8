import type { ByteWriter } from './byte-writer.js';
import { writeGroup } from './posting-list.js';

/** From this share on, marking and looking at every place is quicker than sorting those of a list. */
const dense = 1 / 8;

/** The operations of a batch, numbered as they came, so that one number says which session's and which operation. */
export class BatchPlaces {
  readonly #sessions: number[] = [];
  readonly #operations: number[] = [];

  /** The same again while it is the last that was asked for. */
  at(session: number, operation: number): number {
    const last = this.#sessions.length - 1;
    if (this.#operations[last] === operation && this.#sessions[last] === session) return last;
    this.#operations.push(operation);
    return this.#sessions.push(session) - 1;
  }

  /** To be asked once nothing more comes. */
  sort(): SortedPlaces {
    return new SortedPlaces(this.#sessions, this.#operations);
  }
}

class SortedPlaces {
  /** Of the place with this rank. */
  readonly #sessions: Float64Array;
  readonly #operations: Int32Array;
  readonly #rankOf: Int32Array;
  readonly #flags: Uint8Array;

  constructor(sessions: readonly number[], operations: readonly number[]) {
    const count = sessions.length;
    const places = Int32Array.from(sessions.keys());
    places.sort(
      (one, other) =>
        (sessions[one] ?? 0) - (sessions[other] ?? 0) || (operations[one] ?? 0) - (operations[other] ?? 0),
    );
    this.#rankOf = new Int32Array(count);
    this.#sessions = new Float64Array(count);
    this.#operations = new Int32Array(count);
    for (let rank = 0; rank < count; rank++) {
      const place = places[rank] ?? 0;
      this.#rankOf[place] = rank;
      this.#sessions[rank] = sessions[place] ?? 0;
      this.#operations[rank] = operations[place] ?? 0;
    }
    this.#flags = new Uint8Array(count);
  }

  /** Appends where any of these has a place, as a list of groups (posting-list.ts). */
  writeList(out: ByteWriter, lists: readonly (readonly number[])[]): void {
    let before = 0;
    let session = -1;
    let operations: number[] = [];
    const ranks = this.#ranksOf(lists);
    for (let index = 0; index < ranks.length; index++) {
      const rank = ranks[index] ?? 0;
      const nextSession = this.#sessions[rank] ?? 0;
      if (nextSession !== session) {
        if (operations.length > 0) {
          writeGroup(out, session - before, operations);
          before = session;
        }
        session = nextSession;
        operations = [];
      }
      const operation = this.#operations[rank] ?? 0;
      // One that came twice has two places.
      if (operations[operations.length - 1] !== operation) operations.push(operation);
    }
    if (operations.length > 0) writeGroup(out, session - before, operations);
  }

  /** The same of one place. */
  writeOne(out: ByteWriter, place: number): void {
    const rank = this.#rankOf[place] ?? 0;
    writeGroup(out, this.#sessions[rank] ?? 0, [this.#operations[rank] ?? 0]);
  }

  #ranksOf(lists: readonly (readonly number[])[]): Int32Array {
    let count = 0;
    for (const list of lists) count += list.length;
    return count > this.#flags.length * dense ? this.#marked(lists) : this.#collected(lists, count);
  }

  #marked(lists: readonly (readonly number[])[]): Int32Array {
    const flags = this.#flags;
    let count = 0;
    for (const list of lists) {
      for (let index = 0; index < list.length; index++) {
        const rank = this.#rankOf[list[index] ?? 0] ?? 0;
        if (flags[rank] === 0) count++;
        flags[rank] = 1;
      }
    }
    const ranks = new Int32Array(count);
    for (let rank = 0, at = 0; at < count; rank++) if (flags[rank] === 1) ranks[at++] = rank;
    flags.fill(0);
    return ranks;
  }

  #collected(lists: readonly (readonly number[])[], count: number): Int32Array {
    const ranks = new Int32Array(count);
    let at = 0;
    let isSorted = true;
    for (const list of lists) {
      for (let index = 0; index < list.length; index++) {
        const rank = this.#rankOf[list[index] ?? 0] ?? 0;
        isSorted &&= at === 0 || rank > (ranks[at - 1] ?? 0);
        ranks[at++] = rank;
      }
    }
    return isSorted ? ranks : ranks.sort();
  }
}
