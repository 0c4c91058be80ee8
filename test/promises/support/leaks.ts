import { expect, it } from 'vitest';
import { play, type Lane, type Played, type Script } from './attack.js';
import { canaryForms, findCanary, worlds } from './canaries.js';
import type { Lab } from './lab.js';

/** A way to learn a protected value. */
export interface Attack {
  readonly name: string;
  readonly script: Script;
  /** SQL that takes away, past the gateway, what the attack may leave behind on the trusted target. */
  readonly cleanup?: string;
  /** Only as simple queries: it is more than one statement a step, or names itself on the wire. */
  readonly simpleOnly?: boolean;
  /** The control must not run in a transaction of the suite's: it commits, or takes one of its own. */
  readonly ownTransaction?: boolean;
  /** The control shows nothing on this server, and why; the gateway must hold nevertheless. */
  readonly harmlessDirectly?: string;
  /** The first major whose server shows something by it; the gateway must hold before older ones too. */
  readonly since?: number;
}

/** A script's parts for the extended lane: no multi-statement text. */
function lanesOf({ script, simpleOnly }: Attack): readonly Lane[] {
  const texts = typeof script === 'string' ? [script] : 'messages' in script ? [] : script;
  return simpleOnly === true || texts.length === 0 || texts.some((sql) => /;\s*\S/.test(sql))
    ? ['simple']
    : ['simple', 'extended'];
}

interface Seen {
  readonly door: string;
  readonly played: Played;
}

/** Such a session knows names of its own, so that the catalog is read for it alone. */
const withOwnNames = ['create temp table zz_mine (n int)'];

/**
 * Who may infer sees values masked as everybody does. The two worlds may look different to them, for that is what they
 * may learn; what they are shown must hold no canary.
 */
export function testMasksForInferring(attacks: readonly Attack[], lab: () => Lab): void {
  it.each(attacks)('$name', async (attack) => {
    const { inferringUri, enter, direct } = lab();
    if (inferringUri === null) return;
    const forms = canaryForms(worlds[0]);
    await enter(0);
    for (const lane of lanesOf(attack)) {
      const played = await play(inferringUri, attack.script, lane, lane === 'simple' ? withOwnNames : []);
      expect.soft(findCanary(played.bytes, forms), `${lane}: canary in ${played.text}`).toBeNull();
      if (attack.cleanup !== undefined) await direct(attack.cleanup);
      if (typeof attack.script !== 'string') await enter(0);
    }
  });
}

/**
 * One test an attack. Control: past the gateway, the two worlds look different, so the attack works. Then, through each
 * door of the gateway: they look the same, no byte holds a canary in any form, and the database is what it was.
 */
export function testLeaks(attacks: readonly Attack[], lab: () => Lab): void {
  it.each(attacks)('$name', async (attack) => {
    const { directUri, insiderUri, trustedUri } = lab();
    const forms = worlds.map(canaryForms);
    const inWorld = async (world: 0 | 1): Promise<{ control: Played; seen: Seen[] }> => {
      await lab().enter(world);
      const control = await play(directUri, attack.script, 'simple', attack.ownTransaction === true ? [] : ['begin']);
      // Sequences do not go back with a transaction.
      if (typeof attack.script !== 'string') await lab().enter(world);
      const seen: Seen[] = [];
      for (const lane of lanesOf(attack)) {
        for (const [door, uri] of [
          ['insider', insiderUri],
          ['trusted', trustedUri],
        ] as const) {
          if (uri === null) continue;
          const before = door === 'insider' ? await lab().fingerprint() : '';
          const played = await play(uri, attack.script, lane);
          seen.push({ door: `${door}, ${lane}`, played });
          expect
            .soft(findCanary(played.bytes, forms[world] ?? []), `${door}, ${lane}: canary in ${played.text}`)
            .toBeNull();
          if (door === 'insider' && typeof attack.script === 'string')
            expect.soft(await lab().fingerprint(), `${door}, ${lane}: the database changed`).toBe(before);
          else if (attack.cleanup !== undefined) {
            await lab().direct(attack.cleanup);
          }
          if (typeof attack.script !== 'string') await lab().enter(world);
        }
      }
      return { control, seen };
    };
    const first = await inWorld(0);
    const second = await inWorld(1);
    if (attack.harmlessDirectly === undefined && lab().major >= (attack.since ?? 0))
      expect.soft(first.control.text, 'the control learns nothing').not.toBe(second.control.text);
    first.seen.forEach(({ door, played }, at) => {
      expect.soft(second.seen[at]?.played.text, `${door}: the worlds can be told apart`).toBe(played.text);
      expect
        .soft(
          played.transcripts.some(({ silent }) => silent),
          `${door}: no answer`,
        )
        .toBe(false);
    });
  });
}
