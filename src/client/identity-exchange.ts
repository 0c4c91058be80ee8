import { SluiceError } from '../lib/errors.js';
import { decodeFailure, parseObject } from './error-document.js';
import type { Transport } from './transport.js';

export interface Exchange {
  readonly gateway: string;
  readonly transport: Transport;
  /** The workload's identity token: what it can prove of itself. */
  readonly token: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ExchangedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/** Exchanges a workload's identity token for the gateway's own, which is good for minutes (RFC 8693 2). */
export async function exchangeIdentity({ gateway, transport, token, signal }: Exchange): Promise<ExchangedToken> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: gateway,
  }).toString();
  const answer = await transport.send({
    method: 'POST',
    url: `${gateway}/oauth/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body,
    signal,
  });
  const text = answer.body.toString('utf8');
  const document = parseObject(text);
  const { access_token: accessToken, expires_in: expires, token_type: type } = document ?? {};
  if (answer.status === 200 && typeof accessToken === 'string' && typeof expires === 'number' && type === 'Bearer') {
    return { accessToken, expiresInSeconds: expires };
  }
  // RFC 6749 5.2
  const { error, error_description: described } = document ?? {};
  if (typeof error !== 'string') throw decodeFailure(answer.status, text, new URL(gateway).host);
  throw new SluiceError(
    error === 'temporarily_unavailable' ? 'unavailable' : 'login_required',
    `The gateway does not take this identity token: ${typeof described === 'string' ? described : error}`,
    { decider: 'gateway', retryable: error === 'temporarily_unavailable' },
  );
}
