import type { KeyObject } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { z } from 'zod';
import { SluiceError } from '../lib/errors.js';

/** What a bot says that a person has said. */
export interface SignedDecision {
  /** Names the delivery: taken once. */
  readonly id: string;
  /** The person's account at the chat. */
  readonly account: string;
  readonly request: string;
  readonly decision: 'approve' | 'deny';
  readonly comment: string;
  /** The person's own token for this gateway, or null. */
  readonly token: string | null;
}

export interface DecisionTrust {
  readonly keys: readonly KeyObject[];
  /** The bot's name, which its messages carry as issuer. */
  readonly bot: string;
  /** The gateway's public URL: a message for another gateway says nothing here. */
  readonly audience: string;
  readonly now: number;
}

/** How old a message may be, and how far two clocks may be apart. */
export const decisionAgeSeconds = 300;
const clockSkewSeconds = 30;
const maxMessageBytes = 48 * 1024;
/** RFC 8725 3.11: no token made for another purpose is taken for a decision, and no decision for a token. */
const type = 'sluice-decision+jwt';

const claimsSchema = z.object({
  jti: z.string().min(16).max(128),
  account: z.string().min(1).max(200),
  request: z.string().min(1).max(64),
  decision: z.enum(['approve', 'deny']),
  comment: z.string().max(2000).default(''),
  token: z
    .string()
    .max(16 * 1024)
    .nullable()
    .default(null),
});

/** Verifies a decision as a bot signs it: a JWS (RFC 7515) by one of its keys, for this gateway, of the last minutes. */
export async function readSignedDecision(message: string, trust: DecisionTrust): Promise<SignedDecision> {
  if (message.length > maxMessageBytes) throw refuse('the message is too long');
  const claims = claimsSchema.safeParse(await verify(message, trust));
  if (!claims.success) {
    const [issue] = claims.error.issues;
    throw new SluiceError('usage', `the decision's ${issue?.path.join('.') ?? 'claims'}: ${issue?.message ?? 'wrong'}`);
  }
  const { jti: id, ...rest } = claims.data;
  return { id, ...rest };
}

async function verify(message: string, trust: DecisionTrust): Promise<JWTPayload> {
  for (const key of trust.keys) {
    try {
      const { payload } = await jwtVerify(message, key, {
        algorithms: ['EdDSA', 'Ed25519'],
        typ: type,
        issuer: trust.bot,
        audience: trust.audience,
        maxTokenAge: decisionAgeSeconds,
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(trust.now),
        requiredClaims: ['iat', 'jti'],
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      throw explain(error, trust);
    }
  }
  throw refuse('it is not signed by a key of this bot');
}

/** Only who holds a key comes to hear more than that the signature is wrong: it is checked before any claim is. */
function explain(error: unknown, { audience }: DecisionTrust): SluiceError {
  if (error instanceof errors.JWTExpired)
    return refuse(`it is older than ${decisionAgeSeconds} seconds; sign it again`);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return refuse(`it is for another gateway; this one is ${audience}`);
    return refuse(`its "${error.claim}" is missing or wrong`);
  }
  return refuse('it is no JWS that Ed25519 signed', error);
}

/** The answer to what is not known to be the bot's. */
export function refuse(why: string, cause?: unknown): SluiceError {
  return new SluiceError('login_required', `The decision was not taken: ${why}.`, {
    decider: 'gateway',
    retryable: false,
    next: [],
    cause,
  });
}
