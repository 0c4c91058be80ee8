import { AgentLog, followLines, lastLines } from '../agent/agent-log.js';
import { runAgent } from '../agent/app.js';
import type { AgentStatus } from '../agent/control-types.js';
import { agentPaths, ensurePrivateDir } from '../agent/private-dir.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

export interface DaemonOrder {
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly keep: boolean;
  readonly out: Output;
}

/** The agent as this process: what happens goes to its log, and to whoever watches it in a terminal. */
export async function runDaemon({ environment, signal, keep, out }: DaemonOrder): Promise<void> {
  const { dir, logFile } = agentPaths(environment.runtimeDir);
  ensurePrivateDir(dir);
  const log = new AgentLog(logFile);
  try {
    await runAgent({
      environment,
      signal,
      ...(keep ? { idleMs: null } : {}),
      log(line) {
        log.write(line);
        out.note(plain(line));
      },
    });
  } finally {
    log.close();
  }
}

/** `sluice.daemon/v1` and its text. */
export function showDaemon(out: Output, agent: AgentStatus | null): void {
  out.show({ schema: 'sluice.daemon/v1', ok: true, running: agent !== null, agent }, () => {
    if (agent === null) return 'not running; it starts by itself when a tunnel is detached';
    const end = agent.idle_until === null ? '' : `, ends at ${agent.idle_until} unless a tunnel is opened`;
    return `running since ${agent.started_at}, pid ${agent.pid}, ${agent.tunnels} tunnels, ${agent.connections} connections${end}`;
  });
}

export interface LogsOrder {
  readonly environment: Environment;
  readonly lines: number;
  readonly follow: boolean;
  readonly out: Output;
  readonly signal: () => AbortSignal;
}

/** Prints the agent's log; with --json one document a line. */
export async function showLogs({ environment, lines, follow, out, signal }: LogsOrder): Promise<void> {
  const { dir, logFile } = agentPaths(environment.runtimeDir);
  const print = (line: string): void => {
    const [at, text] = splitLine(line);
    out.show({ schema: 'sluice.daemon_log/v1', ok: true, at, text }, () => plain(line));
  };
  const last = lastLines(logFile, lines);
  for (const line of last) print(line);
  if (follow) {
    ensurePrivateDir(dir);
    for await (const line of followLines(logFile, signal())) print(line);
  } else if (last.length === 0) out.note('The local agent has written nothing yet.');
}

/** "2026-11-26T… what happened"; a line of Node's own, at a crash, has no time. */
function splitLine(line: string): readonly [string | null, string] {
  const [, at, text] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/.exec(line) ?? [];
  return at === undefined || text === undefined ? [null, line] : [at, text];
}
