import { oauthErrorOf, type Exchanged } from '../../identity/exchange.js';
import { SluiceError } from '../../lib/errors.js';
import { type ApiRoute, publicRoute, whole } from '../api-route.js';
import type { GatewayServices } from '../services.js';
import { nothing } from '../schemas/common.js';
import { exchangeForm, oauthDocument, tokenExchange, jwtTokenTypes, accessTokenType } from '../schemas/tokens.js';

/** The gateway as an authorization server, for workloads only: people log in at their own provider. */
export function tokenRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { bootstrap, gatewayTokens } = services;
  return [
    publicRoute({
      method: 'POST',
      path: '/oauth/token',
      summary: 'Exchange a workload’s identity token for the gateway’s own (RFC 8693)',
      params: nothing,
      query: nothing,
      body: exchangeForm,
      response: oauthDocument,
      bodyLimitBytes: 64 * 1024,
      async handle(_call, { body }) {
        try {
          requireKnown(body, bootstrap.publicUrl);
          const { subject_token: subjectToken, actor_token: actorToken = null } = body;
          const exchanged = await services.exchange({ subjectToken, actorToken });
          await audited(services, exchanged);
          return whole({
            access_token: exchanged.token,
            issued_token_type: accessTokenType,
            token_type: 'Bearer',
            expires_in: exchanged.expiresInSeconds,
          });
        } catch (error) {
          return { kind: 'document', status: 400, document: oauthErrorOf(error) };
        }
      },
    }),
    publicRoute({
      method: 'GET',
      path: '/oauth/jwks',
      summary: 'Keys that the gateway signs its tokens with (RFC 7517)',
      params: nothing,
      query: nothing,
      body: nothing,
      response: oauthDocument,
      async handle() {
        return whole({ keys: gatewayTokens.jwks.keys.map((key) => ({ ...key })) });
      },
    }),
  ];
}

/** What is asked for must be what there is: a token for this gateway, of the one kind that it issues. */
function requireKnown(form: typeof exchangeForm._output, publicUrl: string): void {
  const refuse = (message: string): never => {
    throw new SluiceError('usage', message);
  };
  if (form.grant_type !== tokenExchange) refuse(`grant_type must be ${tokenExchange}`);
  if (!jwtTokenTypes.includes(form.subject_token_type)) refuse('subject_token_type must be a JWT’s');
  if (form.actor_token !== undefined && !jwtTokenTypes.includes(form.actor_token_type ?? ''))
    refuse('actor_token_type must be a JWT’s');
  if (form.requested_token_type !== undefined && form.requested_token_type !== accessTokenType)
    refuse('only access tokens are issued');
  for (const wanted of [form.audience, form.resource]) {
    if (wanted !== undefined && wanted !== publicUrl) refuse('tokens are issued for this gateway only');
  }
}

/** The trail knows of every token before it is given out. */
async function audited({ audit, identify }: GatewayServices, exchanged: Exchanged): Promise<void> {
  const principal = await identify(exchanged.token);
  audit.record(principal, 'token.exchange', exchanged.name, {
    actor: exchanged.actor,
    on_behalf_of: exchanged.onBehalfOf?.name ?? '',
  });
}
