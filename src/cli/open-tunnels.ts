import type { AgentClient } from '../agent/agent-client.js';
import { plain } from './plain.js';
import { nearest } from './suggest.js';

/** ` Open: demo-db, web.` or what was probably meant; '' where no tunnel is open. */
export async function openTunnelsHint(agent: Pick<AgentClient, 'list'>, asked: string): Promise<string> {
  const names = [...new Set((await agent.list()).map(({ target }) => target))];
  const meant = nearest(asked, names);
  if (meant !== null && meant !== asked) return ` Did you mean ${plain(meant)}?`;
  return names.length === 0 ? '' : ` Open: ${plain(names.join(', '))}.`;
}
