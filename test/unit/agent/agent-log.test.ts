import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentLog, followLines, lastLines } from '../../../src/agent/agent-log.js';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  file = join(dir, 'agent.log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = new Date('2026-11-26T10:00:00Z');

test('writes one line an event, for its owner only, and nothing that could forge or hide one', () => {
  const log = new AgentLog(file);
  log.write('opened default/demo-db', at);
  log.write('refused: \u001b[2Jx\n2026-11-26T10:00:00.000Z forged\u009b', at);
  log.close();
  expect(readFileSync(file, 'utf8')).toBe(
    '2026-11-26T10:00:00.000Z opened default/demo-db\n' +
      '2026-11-26T10:00:00.000Z refused:  [2Jx 2026-11-26T10:00:00.000Z forged \n',
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('stays within its bounds, and the last lines are found across both files', () => {
  const log = new AgentLog(file, 1000);
  for (let index = 0; index < 100; index += 1) log.write(`line ${index}`, at);
  log.close();
  expect(statSync(file).size + statSync(`${file}.1`).size).toBeLessThanOrEqual(2000);
  expect(lastLines(file, 3)).toEqual([97, 98, 99].map((index) => `2026-11-26T10:00:00.000Z line ${index}`));
  expect(lastLines(file, 35)).toHaveLength(35);
  expect(lastLines(file, 0)).toEqual([]);
  expect(lastLines(join(dir, 'none'), 5)).toEqual([]);
});

test('does not write through a link that somebody put there', () => {
  writeFileSync(join(dir, 'precious'), 'as it was');
  symlinkSync(join(dir, 'precious'), file);
  expect(() => new AgentLog(file)).toThrow('ELOOP');
  expect(readFileSync(join(dir, 'precious'), 'utf8')).toBe('as it was');
});

test('followed, it tells every new line, through a rotation too, until one has seen enough', async () => {
  const log = new AgentLog(file, 300);
  log.write('before', at);
  const abort = new AbortController();
  const lines = followLines(file, abort.signal);
  const seen: string[] = [];
  for (let index = 0; index < 20; index += 1) {
    const next = lines.next();
    log.write(`line ${index}`, at);
    seen.push(String((await next).value).slice(25));
  }
  const last = lines.next();
  abort.abort();
  expect((await last).done).toBe(true);
  log.close();
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index}`));
});
