import { SluiceError } from '../lib/errors.js';

export interface DeviceConfirmation {
  /** The page with the code filled in, as the device authorization response gave it (RFC 8628 3.2). */
  readonly verificationUriComplete: string;
  readonly user: string;
  readonly decision?: 'confirm' | 'deny';
  readonly fetch?: typeof globalThis.fetch;
  readonly signal?: AbortSignal;
}

const maxSteps = 12;

/**
 * Does what a person does in a browser to log in at the demo provider: opens the page, confirms the code, picks a demo user,
 * sends the form. Real pages, real form posts, cookies kept. Works for the demo provider only: it knows no password.
 */
export async function confirmDeviceCode(confirmation: DeviceConfirmation): Promise<void> {
  const browser = new FormBrowser(confirmation);
  let page = await browser.open(confirmation.verificationUriComplete);
  for (let step = 0; step < maxSteps; step += 1) {
    const name = /<body data-step="([a-z]+)">/.exec(page.html)?.[1] ?? null;
    const form = readForm(page.html);
    if (name === 'done') return;
    if (name === 'code' && confirmation.decision === 'deny') return; // the provider says that the login was refused
    if (form === null || name === 'error' || name === 'code') throw failed(page.html);
    if (name === 'user') {
      if (!form.choices.includes(confirmation.user)) {
        throw new SluiceError('usage', `There is no demo user "${confirmation.user}" (${form.choices.join(', ')})`, {
          decider: 'identity-provider',
        });
      }
      form.fields.set('user', confirmation.user);
      form.fields.set('decision', confirmation.decision ?? 'confirm');
    }
    page = await browser.submit(new URL(form.action, page.url), form.fields);
  }
  throw new SluiceError('protocol', 'The demo login page led nowhere', { decider: 'identity-provider' });
}

function failed(html: string): SluiceError {
  const alert = /<p role="alert">([^<]*)<\/p>/.exec(html)?.[1];
  return new SluiceError(
    'login_required',
    `The demo login failed: ${alert === undefined ? 'unexpected page' : unescapeHtml(alert)}`,
    {
      decider: 'identity-provider',
    },
  );
}

interface Form {
  readonly action: string;
  readonly fields: URLSearchParams;
  /** Values of the radio buttons named `user`. */
  readonly choices: readonly string[];
}

/** Reads the first form of a page that the demo provider wrote; not a parser for anybody else's HTML. */
function readForm(html: string): Form | null {
  const tag = /<form\b[^>]*>/.exec(html)?.[0];
  const action = tag === undefined ? null : attribute(tag, 'action');
  if (action === null) return null;
  const fields = new URLSearchParams();
  const choices: string[] = [];
  for (const [input] of html.matchAll(/<input\b[^>]*>/g)) {
    const name = attribute(input, 'name');
    const value = attribute(input, 'value') ?? '';
    if (attribute(input, 'type') === 'radio') choices.push(value);
    else if (name !== null) fields.set(name, value);
  }
  return { action, fields, choices };
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? null : unescapeHtml(value);
}

function unescapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return text.replace(/&(?:#(\d+)|([a-z]+));/g, (whole, code: string | undefined, name: string | undefined) =>
    code === undefined ? (names[name ?? ''] ?? whole) : String.fromCodePoint(Number(code)),
  );
}

interface PageRequest {
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Follows redirects and keeps cookies, on one origin only. */
class FormBrowser {
  readonly #origin: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #signal: AbortSignal | null;
  readonly #cookies = new Map<string, { readonly path: string; readonly pair: string }>();

  constructor({ verificationUriComplete, fetch, signal }: DeviceConfirmation) {
    this.#origin = new URL(verificationUriComplete).origin;
    this.#fetch = fetch ?? globalThis.fetch;
    this.#signal = signal ?? null;
  }

  open(url: string): Promise<{ url: URL; html: string }> {
    return this.#follow(new URL(url), { method: 'GET' });
  }

  submit(url: URL, fields: URLSearchParams): Promise<{ url: URL; html: string }> {
    return this.#follow(url, {
      method: 'POST',
      body: fields.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  }

  async #follow(first: URL, init: PageRequest): Promise<{ url: URL; html: string }> {
    let url = first;
    let request = init;
    for (let redirects = 0; redirects < maxSteps; redirects += 1) {
      if (url.origin !== this.#origin) throw new SluiceError('protocol', 'The demo login page leads to another site');
      const headers = { ...request.headers, accept: 'text/html', cookie: this.#cookieHeader(url.pathname) };
      const response = await this.#fetch(url, { ...request, headers, redirect: 'manual', signal: this.#signal });
      for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
      const html = await response.text();
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || response.status > 399) return { url, html };
      url = new URL(location, url);
      request = { method: 'GET' };
    }
    throw new SluiceError('protocol', 'The demo login page redirects without end');
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(/;\s*/);
    const path = attributes.find((item) => /^path=/i.test(item))?.slice(5) ?? '/';
    const name = pair.slice(0, pair.indexOf('='));
    if (/expires=Thu, 01 Jan 1970/i.test(cookie)) this.#cookies.delete(`${path} ${name}`);
    else this.#cookies.set(`${path} ${name}`, { path, pair });
  }

  #cookieHeader(pathname: string): string {
    const matching = [...this.#cookies.values()].filter(
      ({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`),
    );
    return matching.map(({ pair }) => pair).join('; ');
  }
}
