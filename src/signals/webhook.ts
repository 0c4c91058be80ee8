import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { channelShape, type Lines, noticesFor, type Telling } from './channel.js';
import type { Notice } from './notice.js';
import { isPrivateWay, receiverUrl } from './receiver-url.js';
import { fill, templateSchema, valuesOf } from './template.js';

const requestMs = 10_000;
const maxShown = 20;

/** People told by webhook: notices of some events, signed, or as a message that Slack and its like show. */
export const webhookSchema = z
  .strictObject({
    type: z.literal('webhook'),
    url: receiverUrl,
    format: z.enum(['json', 'slack']).default('json'),
    /** A file with the secret that notices are signed with. */
    secretFile: z.string().nullable().default(null),
    /** Of format slack: one notice in the message. */
    template: templateSchema.nullable().default(null),
    ...channelShape,
  })
  .refine(({ url, format }) => format !== 'slack' || isPrivateWay(url), {
    message: 'the URL of such a hook is a secret: it is called by https, or on this machine',
  });
export type WebhookConfig = z.infer<typeof webhookSchema>;

/** Posts what of these events is wanted, in one request; throws when it did not arrive, and then all is brought again. */
export async function postNotices(
  config: WebhookConfig,
  lines: Lines,
  telling: Telling,
  signal: AbortSignal,
): Promise<void> {
  const notices = noticesFor(config, lines, telling);
  if (notices.length === 0) return;
  const body = JSON.stringify(
    config.format === 'slack'
      ? { text: slackText(notices, config.template, telling.gateway) }
      : { schema: 'sluice.notices/v1', notices },
  );
  const secret = config.secretFile === null ? null : (await readFile(config.secretFile, 'utf8')).trim();
  if (secret === '') throw new Error('the secret to sign notices with is empty');
  const response = await fetch(config.url, {
    method: 'POST',
    redirect: 'error',
    headers: {
      'content-type': 'application/json',
      ...(secret === null ? {} : { 'sluice-signature': signatureOf(secret, body, Math.floor(Date.now() / 1000)) }),
    },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
}

/** `t=SECONDS,v1=HEX`: HMAC-SHA-256 over `SECONDS.BODY`, so that neither can be changed or sent again much later. */
export function signatureOf(secret: string, body: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

const marks = { info: ':white_check_mark:', notice: ':hourglass_flowing_sand:', warning: ':warning:' } as const;
const ownTemplate = '{summary}\n`{statement}`\n`{look}`\n{link}';

function slackText(notices: readonly Notice[], template: string | null, gateway: string): string {
  const shown = notices.slice(0, maxShown).map((notice) => {
    const text = fill(template ?? ownTemplate, valuesOf(notice, gateway), escape);
    return template === null ? `${marks[notice.severity]} ${text}` : text;
  });
  const more = notices.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

/** Slack's three control characters; without them nothing in a name becomes a link or a mention, or reads backwards. */
function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[`\p{Cc}\p{Bidi_Control}]/gu, ' ');
}
