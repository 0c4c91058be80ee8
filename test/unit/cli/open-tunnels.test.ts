import { expect, it } from 'vitest';
import type { TunnelView } from '../../../src/agent/control-types.js';
import { openTunnelsHint } from '../../../src/cli/open-tunnels.js';

const agent = (...targets: readonly string[]) => ({
  list: async () => targets.map((target) => ({ target }) as TunnelView),
});

it.each([
  [[], 'demo-db', ''],
  [['demo-db', 'web'], 'demodb', ' Did you mean demo-db?'],
  [['demo-db', 'web', 'web'], 'orders', ' Open: demo-db, web.'],
  [['demo-db'], 'demo-db', ' Open: demo-db.'],
] as const)('of the tunnels %j, where %s is asked for, says%s', async (open, asked, hint) => {
  expect(await openTunnelsHint(agent(...open), asked)).toBe(hint);
});
