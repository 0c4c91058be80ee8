import { expect, it } from 'vitest';
import type { SessionEvent } from '../../../src/recording/events.js';
import { renderCsv } from '../../../src/recording/playback/csv.js';
import { renderJson } from '../../../src/recording/playback/json.js';
import { transcriptOf } from '../../../src/recording/playback/text.js';
import { opening, startOfTime, statement } from './support.js';

const at = startOfTime;
const columns = (op: number, ...names: string[]): SessionEvent => ({
  ...{ type: 'columns', at, op },
  columns: names.map((name) => ({ name, typeOid: 25, format: 0, masked: false })),
});
function rows(op: number, ...values: (string | null)[][]): SessionEvent {
  const data = values.map((row) => {
    const cells = row.map((value) => {
      const bytes = Buffer.from(value ?? '');
      const length = Buffer.alloc(4);
      length.writeInt32BE(value === null ? -1 : bytes.length);
      return Buffer.concat([length, bytes]);
    });
    const body = Buffer.concat([Buffer.from([0, row.length]), ...cells]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  });
  return { type: 'rows', at, op, count: values.length, data: Buffer.concat(data) };
}
async function csvOf(events: SessionEvent[], op?: number): Promise<string> {
  let text = '';
  for await (const piece of renderCsv(events, op === undefined ? {} : { op })) text += piece;
  return text;
}

it('gives results as CSV tables, one behind the other, or the one that was asked for', async () => {
  const events = [
    opening(),
    columns(1, 'id', 'a "note"'),
    rows(1, ['1', 'plain'], ['2', 'with, comma'], ['3', 'two\nlines'], ['4', ''], ['5', null]),
    columns(2, 'n'),
    rows(2, ['7']),
  ];
  const first = 'id,"a ""note"""\r\n1,plain\r\n2,"with, comma"\r\n3,"two\nlines"\r\n4,""\r\n5,\r\n';
  expect(await csvOf(events)).toBe(`${first}\r\nn\r\n7\r\n`);
  expect(await csvOf(events, 2)).toBe('n\r\n7\r\n');
});

const prepared = (op: number, text: string, kind: string, verdict: 'allow' | 'deny' = 'allow'): SessionEvent[] =>
  statement(op, text, { verdict }).map((event) => (event.type === 'operation' ? { ...event, kind } : event));

it('shows a statement that was prepared and then run once, unless it was refused or never run', async () => {
  const events = [
    opening(),
    ...prepared(1, 'select 1', 'parse').slice(0, 2),
    ...prepared(2, 'select 1', 'execute'),
    ...prepared(3, 'drop table t', 'parse', 'deny'),
    ...prepared(4, 'select never', 'parse').slice(0, 2),
    { type: 'end', at: at + 9000, reason: 'client closed', detail: '' } as const,
  ];
  const text = await transcriptOf(events);
  expect(text.match(/=> select 1/g)).toHaveLength(1);
  expect(text).toContain('=> drop table t\n  (prepared only)');
  expect(text).toContain('=> select never\n  (prepared only)');
  expect(text).toContain('3 operations');
  const kinds: unknown[] = [];
  for await (const event of renderJson(events)) if (event.type === 'operation') kinds.push(event['kind']);
  expect(kinds).toEqual(['parse', 'execute', 'parse', 'parse']);
});
