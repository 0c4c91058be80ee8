import type { Duplex, Readable } from 'node:stream';
import type * as requests from './api-request-types.js';
import type * as api from './api-types.js';
import type * as access from './api-access-types.js';
import type * as bundle from './api-bundle-types.js';
import type * as exec from './api-exec-types.js';
import type { RelayList } from './api-relay-types.js';
import type * as ssh from './api-ssh-types.js';
import { execLines } from './exec-lines.js';
import { type CallOptions, GatewayCalls, type Headers, type SluiceClientOptions } from './gateway-calls.js';

export interface TunnelOptions {
  /** SCRAM verifier of the password that the client program will give. */
  readonly passwordVerifier?: string;
  readonly reason?: string | null;
  /** Instead of the client's own token source. */
  readonly token?: string;
}

/** Longer than the gateway's own limit for what is asked, so that its answer names the reason. */
const slackMs = 15_000;
const defaultExecMs = 10 * 60_000;
/** The gateway's HTTP API. Every refusal comes back as the `SluiceError` that it was at the gateway. */
export class SluiceClient {
  readonly #calls: GatewayCalls;

  constructor(options: SluiceClientOptions) {
    this.#calls = new GatewayCalls(options);
  }

  get gateway(): string {
    return this.#calls.gateway;
  }

  loginInfo(options: CallOptions = {}): Promise<api.LoginInfo> {
    return this.#calls.call('GET', '/v1/login', { schema: 'sluice.login/v1', anonymous: true, ...options });
  }
  whoami(options: CallOptions = {}): Promise<api.Whoami> {
    return this.#calls.call('GET', '/v1/whoami', { schema: 'sluice.whoami/v1', ...options });
  }

  targets(filter: api.TargetFilter = {}, options: CallOptions = {}): Promise<api.TargetList> {
    return this.#calls.call('GET', '/v1/targets', { schema: 'sluice.targets/v1', query: { ...filter }, ...options });
  }
  target(name: string, options: CallOptions = {}): Promise<api.TargetDetail> {
    return this.#calls.call('GET', `/v1/targets/${part(name)}`, { schema: 'sluice.target/v1', ...options });
  }

  /** How the gateway's own role on a target is confined. */
  targetDoctor(name: string, options: CallOptions = {}): Promise<api.TargetDoctor> {
    const path = `/v1/targets/${part(name)}/doctor`;
    return this.#calls.call('GET', path, { schema: 'sluice.target_doctor/v1', ...options });
  }

  /** Columns of a target that hold copies of protected values. */
  copies(target: string, options: CallOptions = {}): Promise<api.CopyList> {
    const path = `/v1/targets/${part(target)}/copies`;
    return this.#calls.call('GET', path, { schema: 'sluice.copies/v1', ...options });
  }
  endCopy(target: string, id: string, reason: string, options: CallOptions = {}): Promise<api.CopyEnded> {
    const path = `/v1/targets/${part(target)}/copies/${part(id)}/end`;
    return this.#calls.call('POST', path, { schema: 'sluice.copy_end/v1', body: { reason }, ...options });
  }

  exec(body: exec.ExecBody, options: CallOptions = {}): Promise<exec.ExecResult> {
    const timeoutMs = (body.timeout_ms ?? defaultExecMs) + slackMs;
    return this.#calls.call('POST', '/v1/exec', { schema: 'sluice.exec/v1', body, timeoutMs, ...options });
  }
  /** The next page of a result whose `next_cursor` is not null. */
  fetchRows(body: exec.FetchBody, options: CallOptions = {}): Promise<exec.ExecResult> {
    const timeoutMs = (body.timeout_ms ?? defaultExecMs) + slackMs;
    return this.#calls.call('POST', '/v1/exec/fetch', { schema: 'sluice.exec/v1', body, timeoutMs, ...options });
  }
  /** `exec` whose rows come as the target sends them; throws what the gateway says, whenever that is. */
  async execStream(body: exec.ExecBody, options: CallOptions = {}): Promise<AsyncGenerator<exec.ExecStreamLine>> {
    const url = this.#calls.url('/v1/exec');
    const timeoutMs = (body.timeout_ms ?? defaultExecMs) + slackMs;
    const sent = { method: 'POST', body: { ...body, stream: true } };
    return execLines(await this.#calls.stream(url, 'application/x-ndjson', { timeoutMs, ...options }, sent));
  }
  explain(body: api.ExplainBody, options: CallOptions = {}): Promise<api.PolicyExplanation> {
    return this.#calls.call('POST', '/v1/policy/explain', { schema: 'sluice.explain/v1', body, ...options });
  }
  explainRecorded(session: string, op: number, options: CallOptions = {}): Promise<api.PolicyExplanation> {
    const path = `/v1/sessions/${encodeURIComponent(session)}/explain`;
    return this.#calls.call('GET', path, { schema: 'sluice.explain/v1', query: { op: String(op) }, ...options });
  }
  replayPolicy(body: api.ReplayBody, options: CallOptions = {}): Promise<api.PolicyReplay> {
    const timeoutMs = 15 * 60_000;
    return this.#calls.call('POST', '/v1/policy/replay', {
      schema: 'sluice.policy_replay/v1',
      body,
      timeoutMs,
      ...options,
    });
  }
  signals(filter: api.SignalFilter = {}, options: CallOptions = {}): Promise<api.SignalList> {
    return this.#calls.call('GET', '/v1/signals', { schema: 'sluice.signals/v1', query: { ...filter }, ...options });
  }
  /** Signals as they are raised, NDJSON. */
  watchSignals(options: CallOptions = {}): Promise<Readable> {
    return this.#calls.stream(this.#calls.url('/v1/signals/watch', {}), 'application/x-ndjson', options);
  }
  /** `exec` with `dry_run`: the verdict, and nothing runs. */
  dryRun(body: exec.ExecBody, options: CallOptions = {}): Promise<api.PolicyExplanation> {
    return this.#calls.call('POST', '/v1/exec', {
      schema: 'sluice.explain/v1',
      body: { ...body, dry_run: true },
      ...options,
    });
  }

  requests(filter: requests.RequestFilter = {}, options: CallOptions = {}): Promise<requests.RequestList> {
    return this.#calls.call('GET', '/v1/requests', { schema: 'sluice.requests/v1', query: { ...filter }, ...options });
  }
  createRequest(body: requests.CreateRequestBody, options: CallOptions = {}): Promise<requests.RequestDocument> {
    return this.#calls.call('POST', '/v1/requests', { schema: 'sluice.request/v1', body, ...options });
  }
  request(id: string, options: CallOptions = {}): Promise<requests.RequestDocument> {
    return this.#calls.call('GET', `/v1/requests/${part(id)}`, { schema: 'sluice.request/v1', ...options });
  }
  /** Waits at the gateway, at most 45 s a call; the answer's state says whether to ask again. */
  waitRequest(id: string, waitMs: number, options: CallOptions = {}): Promise<requests.RequestDocument> {
    const query = { timeout_ms: Math.max(0, Math.min(waitMs, 45_000)) };
    const path = `/v1/requests/${part(id)}/wait`;
    return this.#calls.call('GET', path, {
      schema: 'sluice.request/v1',
      query,
      timeoutMs: query.timeout_ms + slackMs,
      ...options,
    });
  }
  decideRequest(
    id: string,
    act: 'approve' | 'deny' | 'cancel' | 'revoke',
    given: { readonly comment: string; readonly for_ms?: number },
    options: CallOptions = {},
  ): Promise<requests.RequestDocument> {
    return this.#calls.call('POST', `/v1/requests/${part(id)}/${act}`, {
      schema: 'sluice.request/v1',
      body: given,
      ...options,
    });
  }

  requestAccess(body: access.AccessBody, options: CallOptions = {}): Promise<access.AccessDocument> {
    return this.#calls.call('POST', '/v1/access', { schema: 'sluice.access/v1', body, ...options });
  }
  grants(filter: access.GrantFilter = {}, options: CallOptions = {}): Promise<access.GrantList> {
    return this.#calls.call('GET', '/v1/access', { schema: 'sluice.grants/v1', query: { ...filter }, ...options });
  }
  /** Ends a grant, or says what came of an emergency. */
  noteGrant(
    id: string,
    act: 'revoke' | 'review',
    comment: string,
    options: CallOptions = {},
  ): Promise<access.GrantDocument> {
    return this.#calls.call('POST', `/v1/access/${part(id)}/${act}`, {
      schema: 'sluice.grant/v1',
      body: { comment },
      ...options,
    });
  }

  sessions(filter: api.SessionFilter = {}, options: CallOptions = {}): Promise<api.SessionList> {
    return this.#calls.call('GET', '/v1/sessions', { schema: 'sluice.sessions/v1', query: { ...filter }, ...options });
  }
  searchSessions(filter: api.SessionSearchFilter, options: CallOptions = {}): Promise<api.SessionSearch> {
    return this.#calls.call('GET', '/v1/sessions/search', {
      schema: 'sluice.session_search/v1',
      query: { ...filter },
      ...options,
    });
  }
  session(id: string, options: CallOptions = {}): Promise<api.SessionDocument> {
    return this.#calls.call('GET', `/v1/sessions/${part(id)}`, { schema: 'sluice.session/v1', ...options });
  }
  /** The journal file as it is, to be read as it comes. `follow` goes on until the session ends. */
  sessionJournal(id: string, options: CallOptions & { readonly follow?: boolean } = {}): Promise<Readable> {
    const { follow, ...rest } = options;
    const url = this.#calls.url(`/v1/sessions/${part(id)}/${follow === true ? 'follow' : 'journal'}`);
    return this.#calls.stream(url, 'application/octet-stream', rest);
  }
  /** Live sessions and what happens in them, as NDJSON that goes on until one leaves. */
  watchSessions(filter: api.WatchFilter = {}, options: CallOptions = {}): Promise<Readable> {
    return this.#calls.stream(this.#calls.url('/v1/sessions/watch', { ...filter }), 'application/x-ndjson', options);
  }
  /** The key of an encrypted session, where the gateway can open it and policy lets one read it. */
  sessionKey(id: string, options: CallOptions = {}): Promise<api.SessionKey> {
    return this.#calls.call('GET', `/v1/sessions/${part(id)}/key`, { schema: 'sluice.session_key/v1', ...options });
  }
  /** A closed session with its proofs, as one archive. */
  sessionBundle(id: string, options: CallOptions = {}): Promise<Readable> {
    return this.#calls.stream(this.#calls.url(`/v1/sessions/${part(id)}/bundle`, {}), 'application/x-tar', options);
  }
  holdSession(
    id: string,
    act: 'hold' | 'release',
    reason: string,
    options: CallOptions = {},
  ): Promise<api.SessionHold> {
    const path = `/v1/sessions/${part(id)}/${act}`;
    return this.#calls.call('POST', path, { schema: 'sluice.session_hold/v1', body: { reason }, ...options });
  }
  endSession(id: string, reason: string, options: CallOptions = {}): Promise<api.SessionEnd> {
    const path = `/v1/sessions/${part(id)}/end`;
    return this.#calls.call('POST', path, { schema: 'sluice.session_end/v1', body: { reason }, ...options });
  }
  /** Null verifies all sessions and the ledger. */
  verifySessions(id: string | null = null, options: CallOptions = {}): Promise<api.VerifyDocument> {
    const path = id === null ? '/v1/sessions/verify' : `/v1/sessions/${part(id)}/verify`;
    return this.#calls.call('GET', path, { schema: 'sluice.verify/v1', timeoutMs: 10 * 60_000, ...options });
  }
  /** A certificate for an Ed25519 public key, "ssh-ed25519 AAAA…". */
  sshCertificate(publicKey: string, options: CallOptions = {}): Promise<ssh.SshCertificateDocument> {
    const body = { public_key: publicKey };
    return this.#calls.call('POST', '/v1/ssh/certificate', { schema: 'sluice.ssh_certificate/v1', body, ...options });
  }
  sshKeys(options: CallOptions = {}): Promise<ssh.SshKeyList> {
    return this.#calls.call('GET', '/v1/ssh/keys', { schema: 'sluice.ssh_keys/v1', ...options });
  }
  addSshKey(order: ssh.SshKeyOrder, options: CallOptions = {}): Promise<ssh.SshKeyList> {
    return this.#calls.call('POST', '/v1/ssh/keys', { schema: 'sluice.ssh_keys/v1', body: order, ...options });
  }
  removeSshKey(id: string, options: CallOptions = {}): Promise<ssh.SshKeyList> {
    return this.#calls.call('DELETE', `/v1/ssh/keys/${part(id)}`, { schema: 'sluice.ssh_keys/v1', ...options });
  }

  /** The host key that the gateway shows to SSH clients. */
  ssh(options: CallOptions = {}): Promise<ssh.SshDocument> {
    return this.#calls.call('GET', '/v1/ssh', { schema: 'sluice.ssh/v1', ...options });
  }
  relays(options: CallOptions = {}): Promise<RelayList> {
    return this.#calls.call('GET', '/v1/relays', { schema: 'sluice.relays/v1', ...options });
  }
  keys(options: CallOptions = {}): Promise<api.KeyList> {
    return this.#calls.call('GET', '/v1/keys', { schema: 'sluice.keys/v1', ...options });
  }
  rotateKey(options: CallOptions = {}): Promise<api.KeyList> {
    return this.#calls.call('POST', '/v1/keys/rotate', { schema: 'sluice.keys/v1', body: {}, ...options });
  }

  checkPolicy(files: api.BundleFiles, options: CallOptions = {}): Promise<api.PolicyCheck> {
    return this.#calls.call('POST', '/v1/policy/check', {
      schema: 'sluice.policy_check/v1',
      body: { files },
      ...options,
    });
  }
  applyBundle(body: bundle.ApplyBody, options: CallOptions = {}): Promise<bundle.ApplyResult> {
    return this.#calls.call('POST', '/v1/bundle', { schema: 'sluice.apply/v1', body, ...options });
  }
  bundle(options: CallOptions = {}): Promise<bundle.BundleDocument> {
    return this.#calls.call('GET', '/v1/bundle', { schema: 'sluice.bundle/v1', ...options });
  }
  bundleVersions(limit: number, options: CallOptions = {}): Promise<bundle.BundleVersions> {
    const path = '/v1/bundle/versions';
    return this.#calls.call('GET', path, {
      schema: 'sluice.bundle_versions/v1',
      query: { limit: String(limit) },
      ...options,
    });
  }
  rollbackBundle(body: bundle.RollbackBody, options: CallOptions = {}): Promise<bundle.ApplyResult> {
    return this.#calls.call('POST', '/v1/bundle/rollback', { schema: 'sluice.apply/v1', body, ...options });
  }

  secrets(options: CallOptions = {}): Promise<api.SecretList> {
    return this.#calls.call('GET', '/v1/secrets', { schema: 'sluice.secrets/v1', ...options });
  }
  setSecret(name: string, value: string, options: CallOptions = {}): Promise<api.SecretList> {
    return this.#calls.call('PUT', `/v1/secrets/${part(name)}`, {
      schema: 'sluice.secrets/v1',
      body: { value },
      ...options,
    });
  }
  removeSecret(name: string, options: CallOptions = {}): Promise<api.SecretList> {
    return this.#calls.call('DELETE', `/v1/secrets/${part(name)}`, { schema: 'sluice.secrets/v1', ...options });
  }

  /**
   * A raw connection to a target through the gateway: what is written is the target's own protocol. The reason travels
   * percent-encoded, since a header holds no other characters than ASCII.
   */
  async openTunnel(target: string, options: TunnelOptions = {}, signal?: AbortSignal): Promise<Duplex> {
    const url = this.#calls.url(`/v1/targets/${part(target)}/tunnel`);
    const { passwordVerifier, reason, token } = options;
    const dial = async (authorization: Headers): Promise<Duplex> => {
      const headers = {
        ...authorization,
        ...(passwordVerifier === undefined ? {} : { 'sluice-client-password': passwordVerifier }),
        ...(reason === undefined || reason === null ? {} : { 'sluice-reason': encodeURIComponent(reason) }),
      };
      return this.#calls.upgrade({ method: 'GET', url, headers, signal }, 'sluice-tunnel');
    };
    return token === undefined ? this.#calls.authorized(signal, dial) : dial({ authorization: `Bearer ${token}` });
  }

  /** A connection that serves a relay; docs/relay.md says what it speaks. */
  openRelay(
    name: string,
    { token, version }: { readonly token: string; readonly version: string },
    signal?: AbortSignal,
  ): Promise<Duplex> {
    const url = this.#calls.url(`/v1/relays/${part(name)}/serve`);
    const headers = { authorization: `Bearer ${token}`, 'sluice-version': version };
    return this.#calls.upgrade({ method: 'GET', url, headers, signal }, 'sluice-relay');
  }
}

function part(text: string): string {
  return encodeURIComponent(text);
}
