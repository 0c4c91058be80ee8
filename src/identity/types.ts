/** A verified access token's claims, before bindings map groups. */
export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly kind: 'human' | 'machine';
  readonly mfa: boolean;
  readonly claimGroups: readonly string[];
  /** Further names of the same person, and who acts for them. */
  readonly aliases?: readonly string[];
  readonly expiresAt: number; // ms since epoch
  /** The person for whom a machine acts; absent for people, and for machines that act for nobody. */
  readonly onBehalfOf?: { readonly id: string; readonly name: string };
}

/** Verifies bearer tokens of the configured issuers (RFC 9068, RFC 7519). */
export interface TokenVerifier {
  /** Throws SluiceError('login_required') with a message that says why (expired, audience, issuer, signature). */
  verify(token: string): Promise<VerifiedToken>;
}
