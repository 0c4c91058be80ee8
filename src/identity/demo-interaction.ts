import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { errorPage, userPage, type DemoUser } from './demo-pages.js';

const maxFormBytes = 4096;

export interface Interaction {
  readonly provider: Provider;
  readonly users: readonly DemoUser[];
  readonly scope: string;
  readonly resource: string;
}

/** Answers `/interaction/:uid`: shows who can log in (GET), and finishes with the person chosen (POST). */
export async function answerInteraction(
  request: IncomingMessage,
  response: ServerResponse,
  interaction: Interaction,
): Promise<void> {
  const { provider, users } = interaction;
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  let details: Awaited<ReturnType<Provider['interactionDetails']>>;
  try {
    details = await provider.interactionDetails(request, response);
  } catch {
    return sendHtml(response, 400, errorPage('This login has expired or was begun in another browser. Start again.'));
  }
  if (!path.endsWith(`/${details.uid}`))
    return sendHtml(response, 400, errorPage('This page belongs to another login.'));
  if (request.method === 'GET') return sendHtml(response, 200, userPage(path, users, null));
  if (request.method !== 'POST') return sendHtml(response, 405, errorPage('Only GET and POST are answered here.'));
  // The cookie is SameSite=Lax already; a browser that sends Origin must send ours.
  const { origin } = request.headers;
  if (origin !== undefined && origin !== new URL(provider.issuer).origin) {
    return sendHtml(response, 403, errorPage('This form was sent from another site.'));
  }
  const form = await readForm(request);
  if (form === null) return sendHtml(response, 413, errorPage('The form is too large.'));
  if (form.get('decision') === 'deny') {
    const refusal = { error: 'access_denied', error_description: 'the person refused the login' };
    return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
  }
  const user = users.find(({ id }) => id === form.get('user'));
  if (user === undefined) return sendHtml(response, 400, userPage(path, users, 'Choose one of these users.'));
  const grantId = await grantAll(interaction, user.id, String(details.params['client_id']));
  // No browser session is kept: every login asks who it is, so that one browser can play all roles.
  const result = { login: { accountId: user.id, remember: false }, consent: { grantId } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function grantAll(
  { provider, scope, resource }: Interaction,
  accountId: string,
  clientId: string,
): Promise<string> {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  grant.addResourceScope(resource, scope);
  return grant.save();
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxFormBytes) return null;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

/** Sends a page that may not be framed, cached, or run scripts. */
export function sendHtml(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  });
  response.end(html);
}
