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
  /** When it was signed, in ms since the epoch: of what two tokens say, the newer one's is what is so. */
  readonly issuedAt?: number;
  /** The client and the scope that it was given to; absent where it does not say. Only tokens of one client say the same things. */
  readonly grantedTo?: string;
  /** The person for whom a machine acts; absent for people, and for machines that act for nobody. */
  readonly onBehalfOf?: { readonly id: string; readonly name: string };
}

/** Verifies bearer tokens of the configured issuers (RFC 9068, RFC 7519). */
export interface TokenVerifier {
  /** Throws SluiceError('login_required') with a message that says why (expired, audience, issuer, signature). */
  verify(token: string): Promise<VerifiedToken>;
}
