import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicy } from '../../support/ssh-lab.js';
import { openMachine, type Machine } from '../support/machine.js';

// The machine of this suite is the gateway's own host, so what runs there can look at the journal while it runs.

let machine: Machine;
let recordings: string;
beforeAll(async () => {
  machine = await openMachine({ policies: openPolicy });
  recordings = join(machine.lab.gateway.stateDir, 'recordings');
});
afterAll(() => machine.stop());

/** Counts the journals' lines that have a word, which does not itself stand in the command. */
const looking = (word: string): string =>
  `cat ${recordings}/*/*.journal | grep -a -c '${word.slice(0, -1)}[${word.slice(-1)}]'`;

describe('a command', () => {
  it('is in the journal when it begins, with what decided', async () => {
    const first = await machine.run(
      'insider',
      `: first-marker-7731; cat ${recordings}/*/*.journal | tr -d '\\0' | grep -a -c first-marker-7731`,
    );
    expect(Number(first.stdout)).toBeGreaterThan(0);
    // The control: a word that nobody has sent is not there.
    expect((await machine.run('insider', looking('neversent-8842'))).stdout.trim()).toBe('0');
  });

  it('has its output in the journal before anybody has it', async () => {
    const client = await machine.client('insider');
    const before = await new Promise<number>((resolve, reject) =>
      client.exec('printf shown-%s 9917; sleep 30', (error, channel) => {
        if (error !== undefined) return reject(error);
        channel.on('data', (piece: Buffer) => {
          if (piece.includes('shown-9917')) resolve(journalsWith('shown-9917'));
        });
      }),
    );
    expect(before).toBe(1);
    client.end();
  });

  it('is on record when it was refused, when its client left, and when nothing came of it', async () => {
    machine.lab.apply(
      `${openPolicy}@id("no") forbid (principal, action == Action::"exec", resource) when { context.program == "reboot" };`,
    );
    await machine.run('insider', 'reboot now');
    machine.lab.apply(openPolicy);
    const client = await machine.client('insider');
    await new Promise((resolve) =>
      client.exec('echo begun; sleep 60 # left-behind', (_error, channel) => channel.once('data', resolve)),
    );
    client.destroy();
    expect((await machine.ssh('insider', ['web-1', 'no-such-program-here'])).code).toBe(127);
    const texts = journalTexts();
    for (const word of ['reboot now', 'sleep 60 # left-behind', 'no-such-program-here']) expect(texts).toContain(word);
  });
});

function journalTexts(): string {
  return readdirSync(recordings, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith('.journal'))
    .map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'))
    .join('');
}

const journalsWith = (word: string): number => (journalTexts().includes(word) ? 1 : 0);
