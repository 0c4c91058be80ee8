import { CborError, decodeCbor, type CborValue } from './cbor.js';

/** Reads the positional fields of one record; what is missing or of another type throws CborError. */
export class Fields {
  readonly #values: readonly CborValue[];
  #next = 0;

  constructor(values: CborValue | undefined) {
    if (!Array.isArray(values)) throw new CborError('not an array');
    this.#values = values as readonly CborValue[];
  }

  static of(body: Uint8Array): Fields {
    return new Fields(decodeCbor(body));
  }

  get count(): number {
    return this.#values.length;
  }

  /** Nothing is left: what a later version appended is not there. */
  get isAtEnd(): boolean {
    return this.#next >= this.#values.length;
  }

  #take(): CborValue | undefined {
    return this.#values[this.#next++];
  }

  integer(): number {
    const value = this.#take();
    if (typeof value !== 'number') throw new CborError(`field ${this.#next} is not an integer`);
    return value;
  }

  integerOrNull(): number | null {
    const value = this.#take();
    if (value === null || typeof value === 'number') return value;
    throw new CborError(`field ${this.#next} is not an integer or null`);
  }

  text(): string {
    const value = this.#take();
    if (typeof value !== 'string') throw new CborError(`field ${this.#next} is not text`);
    return value;
  }

  textOrNull(): string | null {
    const value = this.#take();
    if (value === null || typeof value === 'string') return value;
    throw new CborError(`field ${this.#next} is not text or null`);
  }

  oneOf<const T extends string>(allowed: readonly T[]): T {
    const text = this.text();
    const found = allowed.find((word) => word === text);
    if (found === undefined) throw new CborError(`field ${this.#next} is an unknown word`);
    return found;
  }

  boolean(): boolean {
    const value = this.#take();
    if (typeof value !== 'boolean') throw new CborError(`field ${this.#next} is not a boolean`);
    return value;
  }

  bytes(): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) throw new CborError(`field ${this.#next} is not bytes`);
    return value;
  }

  bytesOrNull(): Uint8Array | null {
    const value = this.#take();
    if (value === null || value instanceof Uint8Array) return value;
    throw new CborError(`field ${this.#next} is not bytes or null`);
  }

  /** An array field, to be read on its own. */
  fields(): Fields {
    return new Fields(this.#take());
  }

  /** An array field, each item an array. */
  list<T>(read: (item: Fields) => T): readonly T[] {
    return this.#items().map((item) => read(new Fields(item)));
  }

  texts(): readonly string[] {
    return this.#items().map((item) => {
      if (typeof item !== 'string') throw new CborError(`an item of field ${this.#next} is not text`);
      return item;
    });
  }

  textsOrNulls(): readonly (string | null)[] {
    return this.#items().map((item) => {
      if (item !== null && typeof item !== 'string') throw new CborError(`an item of field ${this.#next} is not text`);
      return item;
    });
  }

  #items(): readonly CborValue[] {
    const value = this.#take();
    if (!Array.isArray(value)) throw new CborError(`field ${this.#next} is not an array`);
    return value as readonly CborValue[];
  }
}
