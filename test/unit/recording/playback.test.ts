import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../../src/recording/events.js';
import { renderAsciicast } from '../../../src/recording/playback/asciicast.js';
import { escapeLine, escapeText, safeJson } from '../../../src/recording/playback/escape.js';
import { renderJson } from '../../../src/recording/playback/json.js';
import { TerminalFilter } from '../../../src/recording/playback/terminal-filter.js';
import { transcriptOf } from '../../../src/recording/playback/text.js';
import { buildTimeline } from '../../../src/recording/playback/timeline.js';
import { decodeValue } from '../../../src/recording/playback/values.js';
import { opening, startOfTime, statement } from './support.js';

/** DataRow payloads as RowsEvent keeps them. */
function rowData(rows: readonly (readonly (string | Buffer | null)[])[]): Buffer {
  const int = (size: 2 | 4, value: number): Buffer => {
    const bytes = Buffer.alloc(size);
    bytes.writeIntBE(value, 0, size);
    return bytes;
  };
  return Buffer.concat(
    rows.map((row) => {
      const cells = row.map((cell) => {
        const value = cell === null ? null : Buffer.from(cell);
        return value === null ? int(4, -1) : Buffer.concat([int(4, value.length), value]);
      });
      const payload = Buffer.concat([int(2, row.length), ...cells]);
      return Buffer.concat([int(4, payload.length), payload]);
    }),
  );
}

const at = startOfTime;
const session: SessionEvent[] = [
  opening({ reason: 'INC-42' }),
  ...statement(1, 'select id, email\nfrom customers').slice(0, 2),
  {
    ...{ type: 'columns', at: at + 1003, op: 1 },
    columns: [
      { name: 'id', typeOid: 23, format: 1, masked: false },
      { name: 'email', typeOid: 25, format: 0, masked: true },
    ],
  },
  {
    ...{ type: 'rows', at: at + 1004, op: 1, count: 2 },
    data: rowData([
      [Buffer.from([0, 0, 0, 7]), 'a***@example.com'],
      [Buffer.from([0, 0, 4, 0]), null],
    ]),
  },
  {
    ...{ type: 'result', at: at + 1043, op: 1, tag: 'SELECT 5', rowCount: 5, byteCount: 90, truncated: true },
    digest: 'ab'.repeat(32),
  },
  ...statement(2, 'drop table orders', { verdict: 'deny' }),
  ...statement(3, 'delete from orders where id = 7').slice(0, 1),
  {
    ...{ type: 'decision', at: at + 3001, op: 3, verdict: 'hold', policies: ['prod-writes'], message: 'ask a DBA' },
    ...{ policyVersion: 'v1', request: 'req_1' },
  },
  {
    ...{ type: 'approval', at: at + 9000, op: 3, request: 'req_1', state: 'approved' },
    by: [{ name: 'reviewer', comment: 'ok, INC-42' }],
  },
  {
    ...{ type: 'result', at: at + 9041, op: 3, tag: 'DELETE 1', rowCount: 1, byteCount: 0, truncated: false },
    digest: '',
  },
  ...statement(10, 'select nope', { error: 'column "nope" does not exist' }),
  { type: 'notice', at: at + 10_500, op: null, code: '00000', message: 'watch out' },
  { type: 'end', at: at + 12_000, reason: 'client closed', detail: '' },
];

describe('a transcript', () => {
  it('tells who did what, what was decided, by whom, and what came back', async () => {
    expect(await transcriptOf(session)).toBe(
      `Session ${session[0]?.type === 'open' ? session[0].session : ''}
  Who       engineer (human; engineers)
  When      2026-03-01T09:30:00.000Z
  Target    demo-db (postgres) env=demo
  Client    psql from 127.0.0.1 via tunnel
  Recording strict, policy version v1
  Login     https://issuer.example u1
  Reason    INC-42

demo-db=> select id, email
demo-db-> from customers
  $1 = '42', $2 = NULL
  ✓ allowed by "readers"
  id  |  email [masked]
------+------------------
    7 | a***@example.com
 1024 | NULL
(5 rows) 3 not shown, counted and digested but not kept
Time: 43 ms

demo-db=> drop table orders
  $1 = '42', $2 = NULL
  ✗ denied by policy "readers"

demo-db=> delete from orders where id = 7
  $1 = '42', $2 = NULL
  ⏸ held req_1 by "prod-writes": ask a DBA
  ✓ approved by reviewer ("ok, INC-42") [req_1]
DELETE 1
Time: 6.0 s

demo-db=> select nope
  $1 = '42', $2 = NULL
  ✓ allowed by "readers"
  ✗ error 42P01 from target: column "nope" does not exist
  NOTICE 00000: watch out

— ended: client closed, after 12.0 s, 4 operations
`,
    );
  });

  it('says when no end was recorded', async () => {
    expect(await transcriptOf(session.slice(0, -1))).toContain('— no end recorded');
  });

  it('obeys nothing that was recorded', async () => {
    // eslint-disable-next-line no-control-regex
    const forbidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;
    const hostile = fc.string({
      unit: fc.constantFrom('\u001b', ']52;c;', '[2J', '\u009b', '\u202e', '\r', '\u0007', 'a', '\n'),
    });
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const open = opening({ reason: text, client: { address: text, application: text, via: 'exec' } });
        const events: SessionEvent[] = [
          {
            ...open,
            identity: { ...open.identity, name: text, groups: [text] },
            target: { name: text, kind: text, labels: { [text]: text } },
          },
          { type: 'operation', at, op: 1, kind: text, text, parameters: [text], effects: [text], fault: text },
          {
            type: 'decision',
            at,
            op: 1,
            verdict: 'hold',
            policies: [text],
            message: text,
            policyVersion: text,
            request: text,
          },
          { type: 'approval', at, op: 1, request: text, state: 'denied', by: [{ name: text, comment: text }] },
          { type: 'columns', at, op: 1, columns: [{ name: text, typeOid: 25, format: 0, masked: true }] },
          { type: 'rows', at, op: 1, count: 1, data: rowData([[text]]) },
          { type: 'result', at, op: 1, tag: text, rowCount: 1, byteCount: 1, truncated: false, digest: text },
          { type: 'error', at, op: 1, decider: 'target', code: text, message: text },
          { type: 'notice', at, op: null, code: text, message: text },
          { type: 'end', at, reason: 'client closed', detail: text },
        ];
        expect(await transcriptOf(events)).not.toMatch(forbidden);
        for (const frame of await buildTimeline(events)) expect(frame.text).not.toMatch(forbidden);
        for await (const line of renderAsciicast(events, { color: false })) {
          expect(line).not.toMatch(forbidden);
          const parsed: unknown = JSON.parse(line);
          if (Array.isArray(parsed) && parsed[1] === 'o') {
            expect(String(parsed[2]).replaceAll('\r\n', '\n')).not.toMatch(forbidden);
          }
        }
        for await (const event of renderJson(events)) expect(safeJson(event)).not.toMatch(forbidden);
      }),
      { numRuns: 60 },
    );
  });
});

describe('escaping', () => {
  it('makes everything visible and keeps the rest', () => {
    expect(escapeLine('a\u001b[31mb\tc\nd\u202ee')).toBe('a\\x1b[31mb\\tc\\nd\\u{202e}e');
    expect(escapeText('a\r\n\tb\rc')).toBe('a\n\tb\\rc');
    expect(escapeLine('Zoë 日本 👍 \ud800')).toBe('Zoë 日本 👍 \\u{d800}');
  });

  it('keeps JSON the same to a parser', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(safeJson({ text }))).toEqual({ text });
      }),
    );
    expect(safeJson('\u009b\u{e0041}')).toBe('"\\u009b\\udb40\\udc41"');
  });
});

describe('terminal output', () => {
  const filtered = (text: string): string => new TerminalFilter().push(Buffer.from(text));

  it('keeps what draws', () => {
    const drawing =
      'a\r\n\u001b[1;31mred\u001b[0m\u001b[2J\u001b[10;20H\u001b[K\u001b[?25l\u001b[?1049h\u001b7\u001b8\b\t日本';
    expect(filtered(drawing)).toBe(drawing);
  });

  it.each([
    ['a title', '\u001b]0;title\u0007'],
    ['the clipboard', '\u001b]52;c;cm0gLXJm\u001b\\'],
    ['a link', '\u001b]8;;http://x\u0007'],
    ['a status question', '\u001b[6n'],
    ['an identity question', '\u001b[c\u001b[>c\u001bZ'],
    ['a window operation', '\u001b[21t'],
    ['device control', '\u001bP$q"p\u001b\\'],
    ['eight-bit CSI and OSC', '\u009b6n\u009d0;x\u009c'],
    ['bracketed paste and mouse', '\u001b[?2004h\u001b[?1000;1006h'],
    ['a reset', '\u001bc'],
    ['an answer-back and bell', '\u0005\u0007'],
    ['an endless sequence', `\u001b[${'1;'.repeat(200)}`],
  ])('drops %s', (_, sequence) => {
    expect(filtered(`a${sequence}b`).replaceAll(/[1;]/g, '')).toBe('ab');
  });

  it('keeps, of modes set together, those that draw', () => {
    expect(filtered('a\u001b[?1000;25h\u001b[?2004;7;1006lb')).toBe('a\u001b[?25h\u001b[?7lb');
    expect(filtered('a\u001b[4;20hb')).toBe('ab');
  });

  it('is not fooled by where a chunk ends', () => {
    const hostile = 'a\u001b]52;c;x\u001b\\b\u001b[6nc\u009b6nd\u001b[31me日';
    const bytes = Buffer.from(hostile);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const filter = new TerminalFilter();
      expect(filter.push(bytes.subarray(0, cut)) + filter.push(bytes.subarray(cut))).toBe('abcd\u001b[31me日');
    }
  });
});

describe('binary values', () => {
  const hex = (typeOid: number, value: string): string => decodeValue(Buffer.from(value, 'hex'), typeOid, 1);

  it.each([
    ['bool', 16, '01', 't'],
    ['int2', 21, 'fffe', '-2'],
    ['int8', 20, '7fffffffffffffff', '9223372036854775807'],
    ['float4', 700, '3dcccccd', '0.1'],
    ['float8', 701, '3fb999999999999a', '0.1'],
    ['date', 1082, '00002594', '2026-05-04'],
    ['date before 2000', 1082, 'ffffffff', '1999-12-31'],
    ['date infinity', 1082, '7fffffff', 'infinity'],
    ['time', 1083, '000000000a9d3ec5', '00:02:58.077381'],
    ['timestamp', 1114, '0000000000000001', '2000-01-01 00:00:00.000001'],
    ['timestamp before 2000', 1114, 'ffffffffffffffff', '1999-12-31 23:59:59.999999'],
    ['timestamptz', 1184, '0000000000000000', '2000-01-01 00:00:00+00'],
    ['uuid', 2950, '00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-aabbccddeeff'],
    ['numeric', 1700, '0003000100000002' + '0001' + '0929' + '1a2c', '12345.67'],
    ['negative numeric', 1700, '0001ffff40000004' + '0019', '-0.0025'],
    ['numeric zero', 1700, '0000000000000002', '0.00'],
    ['large numeric', 1700, '0001000200000000' + '0007', '700000000'],
    ['numeric NaN', 1700, '00000000c0000000', 'NaN'],
    ['jsonb', 3802, '017b7d', '{}'],
    ['bytea', 17, 'deadbeef', '\\xdeadbeef'],
    ['a type that is not known', 99999, '0102', '\\x0102'],
    ['a value that does not fit its type', 23, '0102', '\\x0102'],
  ])('%s', (_, typeOid, value, text) => {
    expect(hex(typeOid, value)).toBe(text);
  });

  it('never fails', () => {
    const oids = fc.constantFrom(16, 17, 20, 21, 23, 25, 700, 701, 1082, 1083, 1114, 1184, 1700, 2950, 3802);
    fc.assert(fc.property(fc.uint8Array(), oids, (value, oid) => void decodeValue(Buffer.from(value), oid, 1)));
  });
});

describe('a timeline', () => {
  it('types statements, ends them when they were sent, and never runs backwards', async () => {
    const frames = await buildTimeline(session);
    expect(frames.map(({ text }) => text).join('')).toBe(await transcriptOf(session));
    expect(frames.every((frame, index) => index === 0 || frame.atMs >= (frames[index - 1]?.atMs ?? 0))).toBe(true);
    const starts = frames.filter(({ marker }) => marker === 'statement');
    expect(starts.map(({ op }) => op)).toEqual([1, 2, 3, 10]);
    const typed = frames.filter(({ marker, op }) => marker === null && op === 1);
    expect(typed.length).toBeGreaterThan(10);
    expect(typed.at(-1)?.atMs).toBe(1000);
    expect(frames.at(-1)).toMatchObject({ atMs: 12_000, marker: 'end' });
  });

  it('keeps its order when the clock was set back', async () => {
    const back: SessionEvent[] = [opening(), { type: 'end', at: 5, reason: 'client closed', detail: '' }];
    expect((await buildTimeline(back)).map(({ atMs }) => atMs)).toEqual([0, 0]);
  });
});

describe('an asciicast', () => {
  it('is version 3 with intervals, or version 2 with times from the start', async () => {
    for (const version of [3, 2] as const) {
      const lines: unknown[] = [];
      for await (const line of renderAsciicast(session, { version })) lines.push(JSON.parse(line));
      const [header, ...events] = lines as [Record<string, unknown>, ...[number, string, string][]];
      expect(header['version']).toBe(version);
      expect(header).toHaveProperty(version === 3 ? 'term.cols' : 'width', 120);
      const times = events.map(([time]) => time);
      const last = version === 3 ? times.reduce((sum, time) => sum + time, 0) : times.at(-1);
      expect(last).toBeCloseTo(12, 3);
      expect(events.filter(([, code]) => code === 'm')).toHaveLength(4);
      expect(events.map(([, , data]) => data).join('')).toContain('(5 rows)');
    }
  });
});

it('says how much of what exec read it gave out', async () => {
  const given = { type: 'notice', at: startOfTime, op: 1, code: 'given', message: '4 rows' } as const;
  const text = await transcriptOf([opening(), ...statement(1, 'select 1'), given]);
  expect(text).toContain('\n  exec gave out 4 rows\n');
});

describe('bytes that passed and were not kept', () => {
  const passing = (op: number, mebibytes: number): SessionEvent => ({
    ...{ type: 'notice', at: startOfTime + op, op, code: 'passing' },
    message: `at most ${mebibytes * 1024 * 1024} bytes of input so far`,
  });
  const end = { type: 'end', at: startOfTime + 9_000, reason: 'interrupted', detail: '' } as const;

  it('are told where nothing says how many they were in the end, and then once', async () => {
    const text = await transcriptOf([opening(), ...statement(1, 'cat').slice(0, 2), passing(1, 2), passing(1, 3), end]);
    expect(text.match(/NOTICE passing/g)).toEqual(['NOTICE passing']);
    expect(text).toContain('at most 3145728 bytes');
  });

  it('are not told where the result, or the end of a connection, says it', async () => {
    const forwarded = { type: 'notice', at: startOfTime, op: 2, code: 'forwarded', message: '7 bytes' } as const;
    const text = await transcriptOf([
      ...[opening(), ...statement(1, 'cat').slice(0, 2), passing(1, 2)],
      {
        type: 'result',
        at: startOfTime,
        op: 1,
        tag: 'exit 0',
        rowCount: 0,
        byteCount: 0,
        truncated: false,
        digest: '',
      },
      ...[...statement(2, 'forward').slice(0, 2), passing(2, 5), forwarded, end],
    ]);
    expect(text).not.toContain('NOTICE passing');
    expect(text).toContain('NOTICE forwarded: 7 bytes');
  });
});
