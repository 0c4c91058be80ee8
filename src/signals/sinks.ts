import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Telling } from './channel.js';
import { emailSchema, mailNotices } from './email.js';
import { isPrivateWay, receiverUrl } from './receiver-url.js';
import { postNotices, webhookSchema } from './webhook.js';

const requestMs = 10_000;
const lookedBackBytes = 64 * 1024;

/** Where audit events go. */
export const sinkSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('file'), path: z.string() }),
  z.strictObject({ type: z.literal('stdout') }),
  z
    .strictObject({
      type: z.literal('http'),
      url: receiverUrl,
      /** A file with the bearer token that the receiver asks for. */
      tokenFile: z.string().nullable().default(null),
    })
    .refine(({ url, tokenFile }) => tokenFile === null || isPrivateWay(url), {
      message: 'a token is sent by https, or to this machine',
    }),
  webhookSchema,
  emailSchema,
]);
export type SinkConfig = z.infer<typeof sinkSchema>;

export interface Batch {
  readonly first: number;
  readonly last: number;
  readonly lines: readonly { readonly sequence: number; readonly line: string }[];
}

export interface Sink {
  /** The same for the same place, whatever its order in the configuration. */
  readonly id: string;
  /** Throws when the batch did not arrive; it is brought again, whole. */
  deliver(batch: Batch, signal: AbortSignal): Promise<void>;
}

/** What sinks need of the gateway. */
export interface SinkParts extends Telling {
  /** Writes to the gateway's own standard output. */
  readonly write: (text: string) => Promise<void>;
}

export function createSink(config: SinkConfig, parts: SinkParts): Sink {
  const id = `${config.type}-${createHash('sha256').update(placeOf(config)).digest('hex').slice(0, 12)}`;
  switch (config.type) {
    case 'file':
      return { id, deliver: (batch) => appendTo(config.path, batch) };
    case 'stdout':
      return { id, deliver: ({ lines }) => parts.write(textOf(lines)) };
    case 'http':
      return { id, deliver: (batch, signal) => post(config.url, config.tokenFile, batch, signal) };
    case 'webhook':
      return { id, deliver: ({ lines }, signal) => postNotices(config, lines, parts, signal) };
    case 'email':
      return { id, deliver: ({ lines }, signal) => mailNotices(config, lines, parts, signal) };
  }
}

/** What makes it another place; another wording tells nobody everything again. */
function placeOf(config: SinkConfig): string {
  switch (config.type) {
    case 'webhook':
      return JSON.stringify([config.url, config.format, config.events]);
    case 'email':
      return JSON.stringify([config.server, config.from, config.to, config.events]);
    case 'file':
    case 'stdout':
    case 'http':
      return JSON.stringify(config);
  }
}

function textOf(lines: Batch['lines']): string {
  return lines.map(({ line }) => `${line}\n`).join('');
}

/** The file's own last line says what of a batch that was cut short is there already; a file that was rotated is new. */
async function appendTo(path: string, { lines }: Batch): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read({
      buffer: Buffer.alloc(Math.min(size, lookedBackBytes)),
      position: Math.max(0, size - lookedBackBytes),
    });
    const end = buffer.lastIndexOf(0x0a) + 1;
    if (end < buffer.length) await file.truncate(size - (buffer.length - end));
    const numbers = [
      ...buffer
        .subarray(0, end)
        .toString('utf8')
        .matchAll(/"sequence":(\d+),"gateway"/g),
    ];
    const last = Number(numbers.at(-1)?.[1] ?? 0);
    await file.appendFile(textOf(lines.filter(({ sequence }) => sequence > last)));
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function post(url: string, tokenFile: string | null, batch: Batch, signal: AbortSignal): Promise<void> {
  const token = tokenFile === null ? null : (await readFile(tokenFile, 'utf8')).trim();
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'error',
    headers: {
      'content-type': 'application/x-ndjson',
      'sluice-sequence': `${batch.first}-${batch.last}`,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: textOf(batch.lines),
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
}
