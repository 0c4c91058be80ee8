import { z } from 'zod';

const claimPattern = z.string().min(1).max(500);

/** `workloads:` of the bootstrap file: platforms whose tokens are exchanged for the gateway's own. */
export const workloadsSchema = z.strictObject({
  /** How long a token of the gateway's lasts. */
  tokenMinutes: z.int().min(1).max(60).default(15),
  issuers: z
    .array(
      z.strictObject({
        url: z.url(),
        /** What the identity token must name as its audience; best the gateway's public URL. */
        audience: z.string().min(1),
        /** A JWKS file, for an issuer that the gateway cannot reach; null: the issuer's published keys. */
        keysFile: z.string().nullable().default(null),
        clockSkewSeconds: z.int().min(0).max(300).default(30),
        rules: z
          .array(
            z.strictObject({
              claims: z
                .record(z.string().min(1), z.union([claimPattern, z.array(claimPattern).min(1)]))
                .refine((claims) => Object.keys(claims).length > 0, {
                  message: 'a rule without claims would admit every workload of the platform',
                }),
              name: z.string().min(1).max(200),
              groups: z.array(z.string()).default([]),
              onBehalfOf: z.string().min(1).nullable().default(null),
            }),
          )
          .min(1),
      }),
    )
    .max(50)
    .default([]),
});
