/** Reads no message, only where each begins: Byte1(type) Int32(length) …, the length without the type. PostgreSQL 55.7. */
const headerBytes = 5;
const lengthBytes = 4;
/** '1' (ParseComplete) and 'z': nothing else is the type of a message. */
const firstType = 0x31;
const lastType = 0x7a;
const none = Buffer.alloc(0);
const letter = { S: 0x53, N: 0x4e, R: 0x52, E: 0x45, X: 0x58 } as const;

/** Follows what a gateway sends to a PostgreSQL client, to know whether another message may be put behind it. */
export class PostgresAnswers {
  /** What of the message under way is yet to come. */
  #left = 0;
  /** A header that came in pieces. */
  #header: Buffer = none;
  #last = 0;
  /** Before the first authentication message, one byte alone answers a request for encryption. */
  #opening = true;
  #lost = false;

  /** A few comparisons a message. */
  push(received: Buffer): void {
    if (this.#left > received.length || this.#lost) {
      this.#left -= received.length;
      return;
    }
    const chunk = this.#header.length === 0 ? received : Buffer.concat([this.#header, received]);
    this.#header = none;
    let at = this.#left;
    while (at < chunk.length) {
      const type = chunk.readUInt8(at);
      if (this.#opening && (type === letter.S || type === letter.N)) {
        // Behind a yes everything is encrypted.
        this.#lost ||= type === letter.S;
        at += 1;
      } else if (chunk.length - at < headerBytes) {
        this.#header = Buffer.from(chunk.subarray(at));
        at = chunk.length;
      } else {
        const length = chunk.readInt32BE(at + 1);
        this.#last = type;
        if (type === letter.R || type === letter.E) this.#opening = false;
        this.#lost ||= length < lengthBytes || type < firstType || type > lastType;
        at = this.#lost ? chunk.length : at + 1 + length;
      }
    }
    this.#left = at - chunk.length;
  }

  /** A message stands whole, the client is past its start, and was not told already that something ended. */
  get mayBeFollowed(): boolean {
    const isWhole = this.#left === 0 && this.#header.length === 0;
    return isWhole && !this.#lost && !this.#opening && this.#last !== letter.E;
  }
}

/** Says whether a client's last bytes are Terminate: Byte1('X') Int32(4). */
export function isGoodbye(chunk: Buffer): boolean {
  const at = chunk.length - headerBytes;
  return at >= 0 && chunk.readUInt8(at) === letter.X && chunk.readInt32BE(at + 1) === lengthBytes;
}
