/** Builds and reads DataRow payloads: Int16(columns), per column Int32(length or -1) Byten. PostgreSQL 55.7. */
export function dataRow(values: readonly (string | Buffer | null)[]): Buffer {
  const parts = [Buffer.alloc(2)];
  parts[0]?.writeInt16BE(values.length);
  for (const value of values) {
    const bytes = value === null ? null : Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes?.length ?? -1);
    parts.push(length, bytes ?? Buffer.alloc(0));
  }
  return Buffer.concat(parts);
}

export function readRow(payload: Buffer): readonly (Buffer | null)[] {
  const values: (Buffer | null)[] = [];
  let index = 2;
  for (let column = payload.readInt16BE(0); column > 0; column--) {
    const length = payload.readInt32BE(index);
    index += 4;
    if (length < 0) values.push(null);
    else {
      if (index + length > payload.length) throw new Error('a value runs over the end');
      values.push(payload.subarray(index, index + length));
      index += length;
    }
  }
  if (index !== payload.length) throw new Error('bytes after the last value');
  return values;
}

/** Every form in which a secret must not be found, as threats D lists them. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [secret, [...secret].reverse().join(''), bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
}
