import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAll } from '../../src/recording/verify-all.js';
import { startFileLab, type SshLab } from '../support/ssh-lab.js';

// One gateway under much at once: transfers that are longer than memory should notice, and many people.

const mebibyte = 1024 * 1024;
/** The larger of two sizes; SLUICE_TRANSFER_MIB=1024 moves a gigabyte each way. */
const large = Number(process.env['SLUICE_TRANSFER_MIB'] ?? 256);
const small = large / 4;

let lab: SshLab;
let there: string;
let here: string;
beforeAll(async () => {
  ({ lab, there, here } = await startFileLab());
}, 60_000);
afterAll(() => lab.stop());

/** A file of so many MiB, of text in which nothing repeats soon, without writing it out by hand. */
async function fileOf(path: string, size: number): Promise<string> {
  await lab.run('bash', ['-c', `seq -f 'line %.0f of a file' 1 100000000 | head -c ${size * mebibyte} > ${path}`]);
  expect(statSync(path).size).toBe(size * mebibyte);
  return sumOf(path);
}

async function sumOf(path: string): Promise<string> {
  const { stdout } = await lab.run('sha256sum', [path], { timeoutMs: 300_000 });
  return stdout.split(' ')[0] ?? '';
}

/** The most memory that this process, in which the gateway runs, has meanwhile, in MiB. */
async function peakOf(work: () => Promise<void>): Promise<number> {
  let most = 0;
  const look = (): void => void (most = Math.max(most, process.memoryUsage().rss));
  const watching = setInterval(look, 20);
  try {
    await work();
  } finally {
    clearInterval(watching);
  }
  look();
  return most / mebibyte;
}

const ways: readonly (readonly [
  string,
  (from: string, to: string) => readonly [string, readonly string[]],
  'up' | 'down',
])[] = [
  ['scp to the machine', (from, to) => ['scp', ['-q', '-F', lab.config, from, `web-1:${to}`]], 'up'],
  ['scp from the machine', (from, to) => ['scp', ['-q', '-F', lab.config, `web-1:${from}`, to]], 'down'],
  ['sftp to the machine', (from, to) => sftp(`put ${from} ${to}`), 'up'],
  ['sftp from the machine', (from, to) => sftp(`get ${from} ${to}`), 'down'],
  ['cat to the machine', (from, to) => ['bash', ['-c', `ssh -F ${lab.config} web-1 'cat > ${to}' < ${from}`]], 'up'],
  ['cat from the machine', (from, to) => ['bash', ['-c', `ssh -F ${lab.config} web-1 'cat ${from}' > ${to}`]], 'down'],
];

function sftp(batch: string): readonly [string, readonly string[]] {
  return ['bash', ['-c', `echo '${batch}' | sftp -q -F ${lab.config} -b - web-1`]];
}

describe('a large transfer', () => {
  it.each(ways)(
    'takes no more memory for being longer: %s',
    async (_, command, direction) => {
      const peaks: number[] = [];
      // The first only warms up.
      for (const size of [small, small, large]) {
        const [from, to] =
          direction === 'up' ? [join(here, 'from'), join(there, 'to')] : [join(there, 'from'), join(here, 'to')];
        const sum = await fileOf(from, size);
        const [program, args] = command(from, to);
        peaks.push(
          await peakOf(async () => {
            expect(await lab.run(program, args, { timeoutMs: 300_000 })).toMatchObject({ code: 0 });
          }),
        );
        expect(await sumOf(to)).toBe(sum);
        for (const path of [from, to]) rmSync(path);
      }
      const [, first = 0, second = 0] = peaks;
      // What the collector has not got round to differs from time to time; the transfers differ by more.
      expect(second - first, `MiB: ${peaks.map(Math.round).join(', ')}`).toBeLessThan(((large - small) * 2) / 3);
      const [session] = await lab.sessions();
      expect(session?.operations.every(({ verdict }) => verdict === 'allow')).toBe(true);
    },
    600_000,
  );
});

const sumOfLines = (index: number): string => {
  const lines = Array.from({ length: index }, (_, line) => `${line + 1}\n`).join('');
  return createHash('sha256').update(lines).digest('hex');
};

describe('a hundred sessions at once', () => {
  it('run their commands side by side, each with its own output and its own record', async () => {
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        lab.run(
          'ssh',
          ['-F', lab.config, 'web-1', `echo begin-${index}; sleep 1; seq ${index} | sha256sum; exit ${index % 50}`],
          {
            timeoutMs: 240_000,
          },
        ),
      ),
    );
    // What the account's own start-up files say on stderr is not of interest.
    expect(all.map(({ code, stdout }) => [code, stdout])).toEqual(
      all.map((_, index) => [index % 50, `begin-${index}\n${sumOfLines(index)}  -\n`]),
    );
    await recorded(100, (index) => `echo begin-${index};`);
  }, 300_000);

  it('have their shells side by side, each judged line by line', async () => {
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        lab.run('ssh', ['-F', lab.config, '-tt', 'web-1'], {
          input: `stty -echo; PS1=; echo shell-$((${index} + 1000))\nsleep 1; exit ${index % 50}\n`,
          env: { TERM: 'dumb' },
          timeoutMs: 240_000,
        }),
      ),
    );
    expect(all.map(({ code }) => code)).toEqual(all.map((_, index) => index % 50));
    all.forEach(({ stdout }, index) => {
      const named = stdout.match(/shell-\d+/g) ?? [];
      expect([...new Set(named)]).toEqual([`shell-${1000 + index}`]);
    });
    await recorded(100, (index) => `echo shell-$((${index} + 1000))`);
  }, 300_000);

  it('are shells and commands among each other, on connections of their own', async () => {
    const isShell = (index: number): boolean => index % 2 === 0;
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        isShell(index)
          ? lab.run('ssh', ['-F', lab.config, '-tt', 'web-1'], {
              input: `stty -echo; PS1=; echo mixed-$((${index} + 1000))\nseq ${index} | sha256sum; exit ${index % 50}\n`,
              env: { TERM: 'dumb' },
              timeoutMs: 240_000,
            })
          : lab.run(
              'ssh',
              [
                '-F',
                lab.config,
                'web-1',
                `echo mixed-$((${index} + 1000)); sleep 1; seq ${index} | sha256sum; exit ${index % 50}`,
              ],
              { timeoutMs: 240_000 },
            ),
      ),
    );
    expect(all.map(({ code }) => code)).toEqual(all.map((_, index) => index % 50));
    all.forEach(({ stdout }, index) => {
      expect([...new Set(stdout.match(/mixed-\d+/g))]).toEqual([`mixed-${1000 + index}`]);
      expect(stdout).toContain(sumOfLines(index));
    });
    await recorded(100, (index) => `echo mixed-$((${index} + 1000))`);
  }, 300_000);

  /** The newest sessions, once all of them have ended. */
  async function newest(
    count: number,
  ): Promise<readonly { readonly operations: readonly { readonly text: string }[] }[]> {
    for (;;) {
      const { document } = await lab.gateway.call('GET', `/v1/sessions?target=web-1&limit=${count}`, {
        as: 'engineer',
      });
      const found = document['sessions'] as readonly { readonly id: string; readonly state: string }[];
      expect(found).toHaveLength(count);
      if (found.every(({ state }) => state === 'closed'))
        return Promise.all(
          found.map(async ({ id }) => {
            const one = await lab.gateway.call('GET', `/v1/sessions/${id}`, { as: 'engineer' });
            return { operations: one.document['operations'] as readonly { readonly text: string }[] };
          }),
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Each of the newest sessions holds one of the texts, and all of them verify. */
  async function recorded(count: number, textOf: (index: number) => string): Promise<void> {
    const texts = (await newest(count)).map(({ operations }) => operations.map(({ text }) => text).join('\n'));
    for (let index = 0; index < count; index++)
      expect(
        texts.filter((text) => text.includes(textOf(index))),
        textOf(index),
      ).toHaveLength(1);
    const report = await verifyAll(join(lab.gateway.stateDir, 'recordings'));
    expect(report.sessions.filter(({ valid }) => !valid)).toEqual([]);
    expect(report).toMatchObject({ valid: true });
    expect(report.sessions.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(count);
  }
});
