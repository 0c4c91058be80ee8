import type { ColumnsEvent } from '../events.js';
import { decodeRows } from './rows.js';
import type { Events } from './scenes.js';

export interface CsvOptions {
  /** Only the result of this operation. */
  readonly op?: number;
}

/**
 * The results of a session as RFC 4180 tables, one behind the other with an empty line between: a heading, then the rows
 * that were kept, as they were delivered. SQL NULL is an empty field, an empty text is "".
 */
export async function* renderCsv(events: Events, { op }: CsvOptions = {}): AsyncGenerator<string> {
  const columns = new Map<number, ColumnsEvent['columns']>();
  let isFirst = true;
  for await (const event of events) {
    if (event.type === 'columns' && (op === undefined || event.op === op)) {
      columns.set(event.op, event.columns);
      yield `${isFirst ? '' : '\r\n'}${event.columns.map(({ name }) => field(name)).join(',')}\r\n`;
      isFirst = false;
    } else if (event.type === 'rows') {
      const known = columns.get(event.op);
      if (known === undefined) continue;
      let text = '';
      for (const row of decodeRows(event, known)) text += `${row.map(field).join(',')}\r\n`;
      yield text;
    } else if (event.type === 'result') columns.delete(event.op);
  }
}

function field(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
