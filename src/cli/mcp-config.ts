import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import type { Toolset } from '../mcp/tool.js';

export interface McpConfigOrder {
  readonly client: 'claude' | 'cursor' | 'vscode' | 'codex';
  readonly toolset: Toolset;
  readonly write: boolean;
  readonly home: string | null;
  readonly folder: string;
  readonly profile: string | null;
  readonly gateway: string | null;
}
/** `sluice.mcp_config/v1` */
interface McpConfigDocument {
  readonly schema: 'sluice.mcp_config/v1';
  readonly ok: true;
  readonly client: string;
  readonly file: string;
  readonly text: string;
  readonly written: boolean;
}

type Json = Record<string, unknown>;

/** What each client calls the list of its servers, and where it keeps it. */
function placeOf({ client, home, folder }: McpConfigOrder): { readonly file: string; readonly list: string } {
  const own = home ?? homedir();
  switch (client) {
    case 'claude':
      return { file: join(folder, '.mcp.json'), list: 'mcpServers' };
    case 'cursor':
      return { file: join(own, '.cursor', 'mcp.json'), list: 'mcpServers' };
    case 'vscode':
      return { file: join(folder, '.vscode', 'mcp.json'), list: 'servers' };
    case 'codex':
      return { file: join(own, '.codex', 'config.toml'), list: 'mcp_servers' };
  }
}

export async function mcpConfig(order: McpConfigOrder): Promise<McpConfigDocument> {
  const { file, list } = placeOf(order);
  const args = ['mcp', 'serve', '--toolset', order.toolset];
  // What chose the gateway here must choose it there too.
  if (order.profile !== null) args.push('--profile', order.profile);
  if (order.gateway !== null) args.push('--gateway', order.gateway);
  const entry = { ...(order.client === 'vscode' ? { type: 'stdio' } : {}), command: 'sluice', args };
  const text = order.client === 'codex' ? tomlOf(list, args) : jsonOf({ [list]: { sluice: entry } });
  if (order.write) await (order.client === 'codex' ? addToml(file, list, text) : addJson(file, list, entry));
  return { schema: 'sluice.mcp_config/v1', ok: true, client: order.client, file, text, written: order.write };
}

const jsonOf = (value: Json): string => `${JSON.stringify(value, null, 2)}\n`;
/** A JSON string is a TOML basic string too, as long as it holds no DEL. */
const tomlOf = (list: string, args: readonly string[]): string =>
  `[${list}.sluice]\ncommand = "sluice"\nargs = [${args.map((arg) => JSON.stringify(arg)).join(', ')}]\n`;

async function addJson(file: string, list: string, entry: Json): Promise<void> {
  const before = await textOf(file);
  const document: unknown = before === null || before.trim() === '' ? {} : parse(before, file);
  if (!isObject(document)) throw unreadable(file);
  const servers = document[list] ?? {};
  if (!isObject(servers)) throw unreadable(file);
  await replace(file, jsonOf({ ...document, [list]: { ...servers, sluice: entry } }));
}

async function addToml(file: string, list: string, text: string): Promise<void> {
  const before = (await textOf(file)) ?? '';
  if (before.includes(text)) return;
  if (new RegExp(`^\\s*\\[\\s*${list}\\s*\\.\\s*"?sluice"?\\s*[.\\]]`, 'm').test(before))
    throw new SluiceError('conflict', `${file} has an entry "sluice" already; change it by hand.`, {
      decider: 'local',
    });
  await replace(file, before === '' ? text : `${before.trimEnd()}\n\n${text}`);
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause?: unknown): SluiceError {
  return new SluiceError('conflict', `${file} is not plain JSON of the expected form; add the entry by hand.`, {
    decider: 'local',
    cause,
  });
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whole or not at all: the client may read it at any moment. */
async function replace(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const beside = `${file}.sluice-${process.pid}`;
  await writeFile(beside, text, { mode: 0o600 });
  await rename(beside, file);
}
