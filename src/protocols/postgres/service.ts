import type { Socket } from 'node:net';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import { recordingBanner } from '../../sessions/recording-mode.js';
import type { ServeConnection } from '../../sessions/engine.js';
import { Session, type SessionServices } from '../../sessions/session.js';
import type { IncomingConnection } from '../../sessions/types.js';
import { abortWords } from '../../sessions/words.js';
import { Backend } from './backend.js';
import { CancelKeys } from './cancels.js';
import { TargetCatalogs, type CatalogServices } from './catalogs.js';
import type { AcceptNative, PostgresService } from './index.js';
import { Conversation } from './conversation.js';
import { dialPostgres, type DialledTarget } from './dial.js';
import { estimate } from './estimate.js';
import { explainStatement } from './explain.js';
import { askForToken, closeSoon, greet, negotiate, requireTunnelPassword, sayFatal, type Startup } from './frontend.js';
import { Relay } from './relay.js';
import { SessionSettings } from './session-settings.js';
import { acceptedParameters } from './startup.js';
import { authenticationOk, backendKeyData, notice, parameterStatus, readyForQuery } from './words.js';

/** What the engine is built from. */
export interface PostgresServiceParts extends SessionServices, CatalogServices {
  /** Key of the `hash` masker: the same value hashes alike on every target of this gateway. */
  readonly hashKey: Buffer;
  /** For faults that no client should see in full. */
  readonly log: (message: string, error: unknown) => void;
}

/** The parts, with what the engine shares among its sessions. */
export interface Engine extends PostgresServiceParts {
  readonly sessions: SessionServices;
  readonly catalogs: TargetCatalogs;
}

export function createPostgresService(given: PostgresServiceParts): PostgresService {
  const parts: Engine = { ...given, sessions: given, catalogs: new TargetCatalogs(given) };
  const cancels = new CancelKeys();

  const serve: ServeConnection = async (incoming, signal) => {
    const { stream } = incoming;
    stream.on('error', () => stream.destroy());
    try {
      const { packet, input } = await greet(stream, signal);
      if (packet.type === 'cancel') {
        await cancels.cancel(packet.processId, packet.key, incoming.principal.id);
        return closeSoon(stream, 0);
      }
      negotiate(stream, packet);
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
        await cancels.cancel(packet.processId, packet.key, null);
        return closeSoon(current, 0);
      }
      if (!greeted.encrypted && !isLoopback(socket)) {
        throw new SluiceError('denied', 'this listener needs TLS: connect with sslmode=verify-full.', {
          decider: 'gateway',
        });
      }
      negotiate(current, packet);
      const principal = await hooks.authenticate(await askForToken(current, input));
      input.requireNothingBehind();
      const found = hooks.findTarget(targetName(packet), principal);
      const origin = {
        address: socket.remoteAddress ?? '',
        via: 'listener',
        passwordVerifier: null,
        reason: null,
        approvedRequest: null,
        waitForApproval: true,
      } as const;
      const incoming: IncomingConnection = {
        stream: current,
        principal,
        target: found.target,
        // Asked for at each use: a bundle applied meanwhile may classify more.
        get classification() {
          return found.classification;
        },
        origin,
      };
      await runSession(parts, cancels, incoming, packet, signal);
    } catch (error) {
      refuse(parts, current, error);
    }
  };

  return {
    serve,
    acceptNative,
    copies: (target) => parts.catalogs.copies(target),
    endCopy: (target, id, tell) => parts.catalogs.endCopy(target, id, tell),
    close: () => parts.catalogs.close(),
    lookAgain: (target, classification) => parts.catalogs.fresh(target, classification),
    explain: (principal, target, classification, text) =>
      explainStatement(parts, { principal, target, classification, text }),
    estimate: (target, classification, text, parameters) =>
      estimate(parts, { target, classification, text, parameters }),
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

function refuse(parts: Engine, stream: IncomingConnection['stream'], error: unknown): void {
  if (isSluiceError(error)) sayFatal(stream, error);
  else {
    parts.log('a PostgreSQL session could not start', error);
    sayFatal(stream, new SluiceError('unexpected', 'the gateway could not start the session'));
  }
  closeSoon(stream, 2_000);
}

/** Record opened → target dialled → session pinned → client let in → relay. */
async function runSession(
  parts: Engine,
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
  let path: readonly string[];
  try {
    // What people approved is compared with what the statement does now, not with what the gateway remembers.
    const { approvedRequest } = incoming.origin;
    const catalog = await parts.catalogs[approvedRequest === null ? 'load' : 'fresh'](target, incoming.classification);
    ({ path } = catalog);
    dialled = await dialPostgres(target, {
      parameters: pinnedStartup(onward, catalog.searchPath, session.id, incoming),
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
    incoming.observer?.refused?.(told);
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
    path,
    new SessionSettings(onward, dialled.parameters, parts.hashKey),
  );
  const relay = new Relay(talk);
  const keys = cancels.add(incoming.principal.id, () => relay.cancel());
  const onAbort = (): void => endSession(relay, signal.reason);
  try {
    session.announce(target, incoming.principal, (reason, detail) =>
      relay.end(reason, detail, new SluiceError('interrupted', detail, { decider: 'gateway' })),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    const greeting = [authenticationOk];
    for (const [name, value] of dialled.parameters) greeting.push(parameterStatus(name, value));
    greeting.push(backendKeyData(keys.processId, keys.key));
    // `exec` names session and mode in its answer.
    if (incoming.origin.via !== 'exec') greeting.push(bannerOf(session));
    greeting.push(readyForQuery('I'));
    stream.write(Buffer.concat(greeting));
    const running = relay.run();
    if (signal.aborted) onAbort();
    if (stream.destroyed) relay.end('client closed', '');
    await running;
  } finally {
    talk.copies.sessionEnded();
    talk.view.sessionEnded();
    talk.changes.ended(talk, Number.POSITIVE_INFINITY);
    keys.forget();
    signal.removeEventListener('abort', onAbort);
  }
}

function bannerOf({ id, recorder }: Session): Buffer {
  const { message, hint } = recordingBanner(recorder.mode, id);
  return notice(message, hint);
}

/** Says to the client and to the record why the gateway ends a session. */
function endSession(relay: Relay, why: unknown): void {
  const { reason, detail, message } = abortWords(why);
  relay.end(reason, detail, new SluiceError('interrupted', message, { decider: 'gateway' }));
}

/** Our own startup settings: what the analysis relies on is fixed, and stays the default that RESET goes back to. */
function pinnedStartup(
  onward: ReadonlyMap<string, string>,
  searchPath: string,
  sessionId: string,
  { readOnly, statementTimeoutMs }: IncomingConnection,
): ReadonlyMap<string, string> {
  const settings = new Map(onward);
  settings.set('client_encoding', 'UTF8');
  settings.set('standard_conforming_strings', 'on');
  settings.set('search_path', searchPath);
  settings.set('application_name', `sluice ${sessionId}`);
  if (readOnly === true) settings.set('default_transaction_read_only', 'on');
  if (statementTimeoutMs !== undefined) settings.set('statement_timeout', String(statementTimeoutMs));
  return settings;
}
