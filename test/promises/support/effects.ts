import { expect, it } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import { isRefused, play, type Lane, type Script } from './attack.js';
import type { Lab } from './lab.js';
import { errorCode, textOf, WireSession } from './wire-session.js';

/** A way to an effect that the starter policy does not permit to an engineer alone. */
export interface EffectAttack {
  readonly name: string;
  readonly script: Script;
  /** `changes`: the control leaves other rows or objects. `works`: it only shows that the server does not refuse. */
  readonly control?: 'changes' | 'works' | 'none';
  /** The first major that has what it asks for. An older server does not know it, and the gateway must hold there too. */
  readonly since?: number;
}

/** One test an attack: past the gateway it works; through it, it is refused or held, and nothing has changed. */
export function testEffects(attacks: readonly EffectAttack[], lab: () => Lab): void {
  it.each(attacks)('$name', async ({ script, control = 'changes', since = 0 }) => {
    const { insiderUri } = lab();
    await lab().enter(0);
    if (control !== 'none' && lab().major >= since) await controlOf(lab(), script, control);
    const before = await lab().fingerprint();
    for (const lane of lanesOf(script)) {
      const played = await play(insiderUri, script, lane);
      expect.soft(isRefused(played), `${lane}: not refused: ${played.text}`).toBe(true);
      expect
        .soft(
          played.transcripts.some(({ silent }) => silent),
          `${lane}: no answer`,
        )
        .toBe(false);
      expect.soft(await lab().fingerprint(), `${lane}: the database changed`).toBe(before);
    }
  });
}

function lanesOf(script: Script): readonly Lane[] {
  return typeof script === 'string' && !/;\s*\S/.test(script) ? ['simple', 'extended'] : ['simple'];
}

/** Runs the attack directly, in a transaction that is rolled back, and compares the database before and after. */
async function controlOf(
  { directUri, fingerprintSql: mark, direct }: Lab,
  script: Script,
  control: 'changes' | 'works',
): Promise<void> {
  const session = await WireSession.open(directUri);
  let backend = '';
  try {
    const ask = async (sql: string): Promise<string> => {
      session.send(wire.query(sql));
      const transcript = await session.until(1);
      return errorCode(transcript) === '' ? textOf(transcript) : `failed: ${textOf(transcript)}`;
    };
    await ask('begin');
    backend = /^D .*?(\d+)$/m.exec(await ask('select pg_backend_pid()'))?.[1] ?? '';
    const before = await ask(mark);
    for (const sql of typeof script === 'string' ? [script] : 'messages' in script ? [] : script) {
      const answer = await ask(sql);
      expect.soft(answer, 'the control fails').not.toMatch(/^failed/);
    }
    if (control === 'changes') expect.soft(await ask(mark), 'the control changes nothing').not.toBe(before);
  } finally {
    session.close();
  }
  // What no rollback takes back, a temporary slot among it, the server drops when it has noticed the end.
  await expect
    .poll(() => direct(`select from pg_stat_activity where pid = ${Number(backend)}`), { timeout: 60_000 })
    .toEqual([]);
}
