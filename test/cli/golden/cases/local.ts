import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandCases, Place, Words } from '../case.js';

const extra = { args: ['extra'], code: 2 } as const;
const client = (...messages: readonly object[]): string =>
  messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join('');

/** Logged in, as the local agent needs it, and a tunnel open; then the words. */
const withTunnel =
  (...words: readonly string[]): Words =>
  async ({ world, sluice }) => {
    await sluice('login', world.gateway.url, '--as', 'engineer');
    await sluice('connect', 'demo-db', '--detach', '--port', '0');
    return words;
  };
const endAgent = async ({ sluice }: Place): Promise<void> => void (await sluice('daemon', 'stop'));

/** What has to do with this machine alone: logins, the local agent, settings. */
export const localCommands: readonly CommandCases[] = [
  { command: 'schema', args: ['version'], as: null, error: { args: ['exce'], code: 9 } },
  { command: 'completion', args: ['fish'], as: null, error: { args: ['tcsh'], code: 2 } },
  {
    command: 'completion refresh',
    without: { json: 'the shell runs it in the background: it prints nothing' },
    error: { as: null, code: 4 },
  },
  {
    command: 'login',
    as: null,
    args: ({ world }) => [world.gateway.url, '--as', 'engineer'],
    asks: { as: null, args: ({ world }) => [world.gateway.url], code: 4 },
    error: { args: ['http://127.0.0.1:1', '--as', 'engineer'], code: 11 },
  },
  {
    command: 'logout',
    as: null,
    args: async ({ world, sluice }) => {
      await sluice('login', world.gateway.url, '--as', 'engineer');
      return [];
    },
    error: extra,
  },
  { command: 'mcp config', as: null, args: ['--client', 'claude'], error: { args: ['--client', 'emacs'], code: 2 } },
  {
    command: 'mcp serve',
    args: ['--toolset', 'read'],
    input: client(
      {
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'golden', version: '1' } },
      },
      { method: 'notifications/initialized' },
    ),
    without: {
      tty: 'a program starts it; a terminal is refused',
      json: 'it speaks the Model Context Protocol; --json is refused',
    },
    asks: { code: 2 },
    error: { args: ['--toolset', 'write'], code: 2 },
  },
  { command: 'daemon install', as: null, args: ['--print'], error: { args: ['--print', '--no-start'], code: 2 } },
  { command: 'daemon uninstall', as: null, error: extra },
  { command: 'daemon start', as: null, after: endAgent, error: extra },
  { command: 'daemon status', as: null, error: extra },
  {
    command: 'daemon stop',
    as: null,
    args: async ({ sluice }) => {
      await sluice('daemon', 'start');
      return [];
    },
    error: extra,
  },
  {
    command: 'daemon logs',
    as: null,
    args: async ({ sluice }) => {
      await sluice('daemon', 'start');
      return ['--lines', '1'];
    },
    after: endAgent,
    stream: true,
    error: { args: ['--lines', '-1'], code: 2 },
  },
  {
    command: 'daemon run',
    as: null,
    until: /started, pid/,
    without: { json: 'hidden: what it says is a log on stderr, and has no document' },
    error: extra,
  },
  { command: 'tunnels list', as: null, args: withTunnel(), after: endAgent, error: extra },
  { command: 'tunnels stop', as: null, args: withTunnel('demo-db'), after: endAgent, error: { args: [], code: 2 } },
  {
    command: 'tunnels wait',
    as: null,
    args: withTunnel('demo-db'),
    after: endAgent,
    error: { args: ['demo-db', '--timeout', '50ms'], code: 14 },
  },
  {
    command: 'uninstall',
    as: null,
    args: async ({ world, home, sluice }) => {
      await sluice('login', world.gateway.url, '--as', 'engineer');
      await writeFile(join(home, 'kept'), '');
      return [];
    },
    error: extra,
  },
];
