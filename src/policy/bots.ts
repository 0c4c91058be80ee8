import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { accessWindow } from './access.js';
import { suggest } from './problems.js';
import type { YamlSource } from './yaml-source.js';

const maxAccounts = 10_000;

/** Ed25519 alone: what verifies cannot sign, so the bundle holds nothing that anybody could speak with. */
const publicKey = z.string().transform((text, context): KeyObject => {
  const key = readPublicKey(text);
  if (key !== null) return key;
  context.addIssue({
    code: 'custom',
    message: 'a key is an Ed25519 public key: the output of `openssl pkey -pubout`, or its middle line',
  });
  return z.NEVER;
});

/** `bots` of bindings.yaml: programs that bring the decisions of people who use a chat. */
export const botsSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'a bot is named with small letters, digits, "_" and "-"'),
  z.strictObject({
    /** What its messages are signed with; two while one replaces the other. */
    keys: z.array(publicKey).min(1).max(4),
    /** Whose people it speaks for. */
    issuer: z.string().min(1),
    /** Accounts of the chat, and whose they are: by the login's name or `issuer#subject`. */
    accounts: z
      .record(z.string().min(1).max(200), z.string().min(1).max(500))
      .refine((accounts) => Object.keys(accounts).length <= maxAccounts, `at most ${maxAccounts} accounts`),
    /** Approvals of which groups it may bring. */
    groups: z.array(z.string().min(1)).min(1).max(50),
    /**
     * What shows that it was the person: `token`, their own token with each decision, without which the bot's key can say
     * nothing; or `seen`, that they have been here of late, where the chat gives the bot no token.
     */
    proof: z.enum(['token', 'seen']),
    decisions: z
      .array(z.enum(['approve', 'deny']))
      .min(1)
      .default(['approve', 'deny']),
    /** How long ago the person must have shown the gateway a token, from which their groups are known; of `proof: seen`. */
    seenWithin: accessWindow.prefault('12h'),
    /** The bot's own login, where it has one: what it asks for, nobody approves through it. */
    login: z.string().min(1).max(500).nullable().default(null),
  }),
);

export type Bots = Readonly<Record<string, Bot>>;
export interface Bot {
  readonly keys: readonly KeyObject[];
  readonly issuer: string;
  readonly accounts: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly proof: 'token' | 'seen';
  readonly decisions: readonly ('approve' | 'deny')[];
  /** In milliseconds. */
  readonly seenWithin: number;
  readonly login: string | null;
}

/** Checks that a bot's groups exist. */
export function checkBots(bots: Bots, source: YamlSource, groups: readonly string[]): void {
  for (const [name, bot] of Object.entries(bots))
    for (const [index, group] of bot.groups.entries())
      if (!groups.includes(group))
        source.report('error', ['bots', name, 'groups', index], `unknown group "${group}"`, suggest(group, groups));
}

function readPublicKey(text: string): KeyObject | null {
  const line = text.replace(/-----[A-Z ]+-----|\s/g, '');
  try {
    const key = createPublicKey({ key: Buffer.from(line, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}
