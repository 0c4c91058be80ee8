import { AgentClient } from '../agent/agent-client.js';
import type { Environment } from './environment.js';

/** The local agent's control client; a missing agent is started as this same program. */
export function openAgent(environment: Environment): AgentClient {
  const entry = process.argv[1] ?? '';
  const launch = { command: process.execPath, arguments: [entry, 'daemon', 'run'], variables: environment.variables };
  return new AgentClient({ environment, launch });
}
