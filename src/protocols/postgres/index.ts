import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { PostgresAnalyser } from '../../analysis/postgres-types.js';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import type { Classification } from '../../masking/types.js';
import type { Principal } from '../../policy/types.js';
import { Session, type SessionServices } from '../../sessions/session.js';
import type { IncomingConnection, TargetConfig } from '../../sessions/types.js';
import { Backend } from './backend.js';
import { CancelKeys } from './cancels.js';
import type { TargetCatalogs } from './catalogs.js';
import { Conversation } from './conversation.js';
import { dialPostgres, type DialledTarget } from './dial.js';
import { explainStatement, type Explanation } from './explain.js';
import { askForToken, closeSoon, greet, negotiate, requireTunnelPassword, sayFatal, type Startup } from './frontend.js';
import { Relay } from './relay.js';
import { acceptedParameters } from './startup.js';
import { authenticationOk, backendKeyData, parameterStatus, readyForQuery } from './words.js';

/** Serves one client connection until either side ends. Resolves when both sockets are closed. Never rejects. */
export type ServePostgres = (incoming: IncomingConnection, signal: AbortSignal) => Promise<void>;

/** What a native listener's handshake asks of the gateway. */
export interface NativeHooks {
  /** Certificate and key for the client's SSLRequest; null refuses TLS, and then only loopback clients are served. */
  readonly tls: SecureContext | null;
  /** The password is an access token. Throws login_required. */
  authenticate(token: string): Promise<Principal>;
  /** Throws not_found for a target that is absent or hidden. */
  findTarget(
    name: string,
    principal: Principal,
  ): { readonly target: TargetConfig; readonly classification: Classification };
}

/** Does a native client's startup, TLS and login, then serves it. Resolves when both sockets are closed; never rejects. */
export type AcceptNative = (socket: Socket, hooks: NativeHooks, signal: AbortSignal) => Promise<void>;

export interface PostgresServiceParts {
  readonly sessions: SessionServices;
  readonly analyser: PostgresAnalyser;
  readonly catalogs: TargetCatalogs;
  /** Key of the `hash` masker: the same value hashes alike on every target of this gateway. */
  readonly hashKey: Buffer;
  /** For faults that no client should see in full. */
  readonly log: (message: string, error: unknown) => void;
}

/** The PostgreSQL engine as the gateway uses it. */
export interface PostgresService {
  readonly serve: ServePostgres;
  readonly acceptNative: AcceptNative;
  explain(
    principal: Principal,
    target: TargetConfig,
    classification: Classification,
    text: string,
    parameters: readonly (string | null)[],
  ): Promise<Explanation>;
}

export function createPostgresService(parts: PostgresServiceParts): PostgresService {
  const cancels = new CancelKeys();

  const serve: ServePostgres = async (incoming, signal) => {
    const { stream } = incoming;
    stream.on('error', () => stream.destroy());
    try {
      const { packet, input } = await greet(stream, signal);
      if (packet.type === 'cancel') {
        cancels.cancel(packet.processId, packet.key, incoming.principal.id);
        return closeSoon(stream, 0);
      }
      if (incoming.origin.passwordVerifier !== null)
        await requireTunnelPassword(stream, input, incoming.origin.passwordVerifier);
      input.requireNothingBehind();
      await runSession(parts, cancels, incoming, packet, signal);
    } catch (error) {
      refuse(parts, stream, error);
    }
  };

  const acceptNative: AcceptNative = async (socket, hooks, signal) => {
    socket.on('error', () => socket.destroy());
    let current: IncomingConnection['stream'] = socket;
    try {
      const greeted = await greet(socket, signal, hooks.tls === null ? null : { socket, context: hooks.tls });
      const { packet, input } = greeted;
      current = greeted.stream;
      if (packet.type === 'cancel') {
        cancels.cancel(packet.processId, packet.key, null);
        return closeSoon(current, 0);
      }
      if (!greeted.encrypted && !isLoopback(socket)) {
        throw new SluiceError('denied', 'this listener needs TLS: connect with sslmode=verify-full.', {
          decider: 'gateway',
        });
      }
      const principal = await hooks.authenticate(await askForToken(current, input));
      input.requireNothingBehind();
      const { target, classification } = hooks.findTarget(targetName(packet), principal);
      const origin = {
        address: socket.remoteAddress ?? '',
        via: 'listener',
        passwordVerifier: null,
        reason: null,
        approvedRequest: null,
        waitForApproval: true,
      } as const;
      await runSession(parts, cancels, { stream: current, principal, target, classification, origin }, packet, signal);
    } catch (error) {
      refuse(parts, current, error);
    }
  };

  return {
    serve,
    acceptNative,
    explain: (principal, target, classification, text) =>
      explainStatement(parts, { principal, target, classification, text }),
  };
}

/** `user@target` names the target, else the database name does. */
function targetName(startup: Startup): string {
  const user = startup.parameters.get('user') ?? '';
  const at = user.lastIndexOf('@');
  const name = at === -1 ? startup.parameters.get('database') : user.slice(at + 1);
  return name ?? user;
}

function isLoopback(socket: Socket): boolean {
  const address = socket.remoteAddress ?? '';
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

function refuse(parts: PostgresServiceParts, stream: IncomingConnection['stream'], error: unknown): void {
  if (isSluiceError(error)) sayFatal(stream, error);
  else {
    parts.log('a PostgreSQL session could not start', error);
    sayFatal(stream, new SluiceError('unexpected', 'the gateway could not start the session'));
  }
  closeSoon(stream, 2_000);
}

/** Record opened → target dialled → session pinned → client let in → relay. */
async function runSession(
  parts: PostgresServiceParts,
  cancels: CancelKeys,
  incoming: IncomingConnection,
  startup: Startup,
  signal: AbortSignal,
): Promise<void> {
  const { stream, target } = incoming;
  const onward = acceptedParameters(startup.parameters);
  const application = (startup.parameters.get('application_name') ?? '').slice(0, 128);
  const session = await Session.open(incoming, application, parts.sessions);
  let dialled: DialledTarget;
  try {
    const { searchPath } = await parts.catalogs.load(target, incoming.classification);
    dialled = await dialPostgres(target, {
      parameters: pinnedStartup(onward, searchPath, session.id, incoming.readOnly === true),
      signal,
    });
  } catch (error) {
    const told = isSluiceError(error)
      ? error
      : new SluiceError('unexpected', 'the session could not be set up', { cause: error });
    session.recorder.append({
      type: 'error',
      at: parts.sessions.now(),
      op: null,
      decider: 'network',
      code: told.code,
      message: told.message,
    });
    await session.close('target closed', messageOf(told));
    throw error;
  }
  const talk = new Conversation(
    incoming,
    session,
    new Backend(dialled),
    parts.analyser,
    parts.catalogs,
    parts.hashKey,
    parts.sessions.now,
  );
  const relay = new Relay(talk);
  const keys = cancels.add(incoming.principal.id, () => relay.cancel());
  const onAbort = (): void =>
    relay.end(
      'ended by gateway',
      'the gateway is shutting down',
      new SluiceError('interrupted', 'the gateway is shutting down; connect again'),
    );
  try {
    session.announce(target, incoming.principal, (reason, detail) =>
      relay.end(reason, detail, new SluiceError('interrupted', detail, { decider: 'gateway' })),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    negotiate(stream, startup);
    const greeting = [authenticationOk];
    for (const [name, value] of dialled.parameters) greeting.push(parameterStatus(name, value));
    greeting.push(backendKeyData(keys.processId, keys.key), readyForQuery('I'));
    stream.write(Buffer.concat(greeting));
    const running = relay.run();
    if (signal.aborted) onAbort();
    if (stream.destroyed) relay.end('client closed', '');
    await running;
  } finally {
    keys.forget();
    signal.removeEventListener('abort', onAbort);
  }
}

/** Our own startup settings: what the analysis relies on is fixed, and stays the default that RESET goes back to. */
function pinnedStartup(
  onward: ReadonlyMap<string, string>,
  searchPath: string,
  sessionId: string,
  readOnly: boolean,
): ReadonlyMap<string, string> {
  const settings = new Map(onward);
  settings.set('client_encoding', 'UTF8');
  settings.set('standard_conforming_strings', 'on');
  settings.set('search_path', searchPath);
  settings.set('application_name', `sluice ${sessionId}`);
  if (readOnly) settings.set('default_transaction_read_only', 'on');
  return settings;
}
