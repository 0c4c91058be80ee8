import { z } from 'zod';

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
export const jwtTokenTypes: readonly string[] = [
  'urn:ietf:params:oauth:token-type:jwt',
  'urn:ietf:params:oauth:token-type:id_token',
  accessTokenType,
];

const token = z
  .string()
  .min(1)
  .max(16 * 1024);

/** RFC 8693 2.1. What is not named here is ignored, as OAuth wants it. */
export const exchangeForm = z.object({
  grant_type: z.string(),
  subject_token: token,
  subject_token_type: z.string(),
  actor_token: token.optional(),
  actor_token_type: z.string().optional(),
  requested_token_type: z.string().optional(),
  audience: z.string().optional(),
  resource: z.string().optional(),
});

/** OAuth's own documents have neither our schema names nor our errors. */
export const oauthDocument = z.record(z.string(), z.unknown());
