import { confirmDeviceCode } from '../../src/client/demo-confirm.js';

export type DemoUserName = 'engineer' | 'reviewer' | 'reviewer2' | 'robot';

interface Grant {
  readonly access_token: string;
}

const scope = 'openid profile email groups offline_access';

/** An access token of a gateway's demo provider: the device flow for people, client credentials for the robot. */
export async function demoToken(gateway: string, user: DemoUserName): Promise<string> {
  const issuer = `${gateway}/idp`;
  const { device_authorization_endpoint: device, token_endpoint: token } = await get<Record<string, string>>(
    `${issuer}/.well-known/openid-configuration`,
  );
  if (device === undefined || token === undefined) throw new Error('the demo provider has no device flow');
  if (user === 'robot') {
    const { client_id: id, client_secret: secret } = await get<Record<string, string>>(`${issuer}/demo/robot`);
    const authorization = `Basic ${Buffer.from(`${String(id)}:${String(secret)}`).toString('base64')}`;
    return (await post<Grant>(token, { grant_type: 'client_credentials', resource: gateway }, { authorization }))
      .access_token;
  }
  const client_id = 'sluice-cli';
  const started = await post<Record<string, string>>(device, { client_id, scope, resource: gateway });
  await confirmDeviceCode({ verificationUriComplete: String(started['verification_uri_complete']), user });
  const grant = await post<Grant>(token, {
    client_id,
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: String(started['device_code']),
    resource: gateway,
  });
  return grant.access_token;
}

async function get<T>(url: string): Promise<T> {
  return read<T>(await fetch(url));
}

async function post<T>(url: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<T> {
  return read<T>(await fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) }));
}

async function read<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}
