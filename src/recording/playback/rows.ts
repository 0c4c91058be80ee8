import type { ColumnsEvent, RowsEvent } from '../events.js';
import { decodeValue } from './values.js';

/** The rows of an event as text, null for SQL NULL. Stops where the bytes stop making sense. */
export function* decodeRows(event: RowsEvent, columns: ColumnsEvent['columns']): Generator<readonly (string | null)[]> {
  const data = Buffer.from(event.data.buffer, event.data.byteOffset, event.data.byteLength);
  for (let at = 0; at + 4 <= data.length;) {
    const length = data.readInt32BE(at);
    const end = at + 4 + length;
    if (length < 2 || end > data.length) return;
    yield decodeRow(data.subarray(at + 4, end), columns);
    at = end;
  }
}

/** DataRow: Int16(columns) then for each Int32(length, -1 for NULL) Byten. PostgreSQL 55.7. */
function decodeRow(row: Buffer, columns: ColumnsEvent['columns']): readonly (string | null)[] {
  const values: (string | null)[] = [];
  const count = row.readUInt16BE(0);
  let at = 2;
  for (let index = 0; index < count && at + 4 <= row.length; index++) {
    const length = row.readInt32BE(at);
    at += 4;
    if (length < 0) {
      values.push(null);
      continue;
    }
    const column = columns[index];
    const value = row.subarray(at, Math.min(at + length, row.length));
    values.push(decodeValue(value, column?.typeOid ?? 0, column?.format ?? 0));
    at += length;
  }
  return values;
}
