import { join } from 'node:path';
import { createPostgresAnalyser } from '../analysis/postgres.js';
import { gatewayIssuer, openGatewayTokens } from '../identity/gateway-tokens.js';
import { createTokenVerifier } from '../identity/verifier.js';
import { newId } from '../lib/ids.js';
import { readCatalogMark } from '../analysis/catalog-mark.js';
import { readCatalog } from '../analysis/catalog.js';
import { narrowClassification } from '../policy/classification.js';
import { openRecorder } from '../recording/recorder.js';
import { createPostgresService } from '../protocols/postgres/service.js';
import { createSshService } from '../protocols/ssh/service.js';
import type { ProtocolEngine } from '../sessions/engine.js';
import { LiveSessions } from '../sessions/session.js';
import { UsageBook } from '../sessions/usage.js';
import { AccessDesk } from './access-desk.js';
import type { AuditEvent } from '../signals/audit-event.js';
import { SignalBook } from '../signals/book.js';
import { type Access, type ApiRoute, type Method } from './api-route.js';
import { Auditing, eventOf } from './auditing.js';
import { readBootstrap } from './bootstrap-file.js';
import { BotDesk } from './bot-desk.js';
import { type AppliedBundle, type ApplyOutcome, BundleAdmin } from './bundle-admin.js';
import { Callers } from './callers.js';
import type { Bootstrap } from './config.js';
import { ActiveConfiguration, type ConfigurationParts, emptyConfiguration } from './configuration.js';
import { Engines } from './engines.js';
import { type CursorLimits, defaultCursorLimits, ExecCursors } from './exec/cursors.js';
import { Idempotency } from './exec/idempotency.js';
import { ExecSlots } from './exec/slots.js';
import { loadFirstConfiguration } from './first-configuration.js';
import { createMcpEndpoint } from './mcp/endpoint.js';
import { createFront } from './front.js';
import { startDemoIdentity } from './demo-identity.js';
import { createHostCheck } from './host-check.js';
import { KnownPeople } from './known-people.js';
import { type GatewayLimits, defaultLimits } from './limits.js';
import { LiveConnections } from './live-connections.js';
import { Logins, sweepLogins } from './logins.js';
import { type Logger, createLog } from './log.js';
import { GatewayMetrics } from './metrics.js';
import { openNativeListeners } from './native-listeners.js';
import { NewestClaims } from './newest-claims.js';
import { createNoticeMask } from './notice-mask.js';
import { Oversight } from './oversight.js';
import { PolicyReplay } from './past/replay.js';
import { recordingOptions } from './recordings-options.js';
import { RegisteredKeys } from './registered-keys.js';
import { Relays } from './relays.js';
import { RequestEyes } from './request-eyes.js';
import { RequestReviews } from './request-review.js';
import { routeTable } from './route-table.js';
import type { GatewayServices } from './services.js';
import { Shutdown } from './shutdown.js';
import { openSshHostKey, openSshUserAuthority } from './ssh-keys.js';
import { openState } from './state.js';
import { Signalling } from './signalling.js';
import { TargetDirectory } from './target-directory.js';
import { TargetStatuses } from './target-status.js';
import { UsageKeeper } from './usage-keeper.js';
import { countVotes } from './voters.js';
import { createExchange } from './workloads.js';

export interface GatewayOptions {
  readonly version?: string;
  readonly log?: Logger;
  readonly clock?: () => number;
  readonly limits?: Partial<GatewayLimits>;
  /** How long and how many results wait to be read on. */
  readonly cursorLimits?: CursorLimits;
}

/** A route as the table has it, for documentation and tests. */
export interface ServedRoute {
  readonly method: Method;
  readonly path: string;
  readonly access: Access;
}

/** A gateway that serves. */
export interface RunningGateway {
  readonly url: string;
  readonly port: number;
  /** Of the native PostgreSQL listener, or null. */
  readonly postgresPort: number | null;
  /** Of the native SSH listener, or null. */
  readonly sshPort: number | null;
  readonly routes: readonly ServedRoute[];
  /** Version of the bundle in force. */
  bundleVersion(): string;
  lastBundle(): AppliedBundle | null;
  /** Applies a bundle in the gateway's own name, as quickstart does at its start. */
  applyBundle(files: ReadonlyMap<string, string>, message: string): ApplyOutcome;
  /** Sets a secret in the gateway's own name. */
  setSecret(name: string, value: string): Promise<void>;
  /** Stops accepting, ends sessions in their own protocol, closes recorder and store. Idempotent. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const defaultGraceMs = 10_000;

/** Composes a gateway from its bootstrap (or the file that holds it) and starts it. What was opened is closed on failure. */
export async function startGateway(source: Bootstrap | string, options: GatewayOptions = {}): Promise<RunningGateway> {
  const bootstrap = typeof source === 'string' ? readBootstrap(source) : source;
  const shutdown = new Shutdown();
  try {
    return await start(bootstrap, options, shutdown);
  } catch (error) {
    await shutdown.run(0);
    throw error;
  }
}

async function start(bootstrap: Bootstrap, options: GatewayOptions, shutdown: Shutdown): Promise<RunningGateway> {
  const clock = options.clock ?? Date.now;
  const version = options.version ?? 'development';
  const log = options.log ?? createLog({ level: process.env['SLUICE_LOG_LEVEL'] ?? 'info', file: null });
  const onProblem = (message: string, cause: unknown): void => log.error({ err: cause }, message);
  const limits: GatewayLimits = { ...defaultLimits, ...options.limits };
  const metrics = new GatewayMetrics();
  const connections = new LiveConnections();
  const oversight = new Oversight();

  const state = openState(bootstrap, { clock, version, environment: process.env });
  shutdown.close(() => state.close());
  const auditing = new Auditing({
    stateDir: bootstrap.stateDir,
    gateway: bootstrap.publicUrl,
    sinks: bootstrap.audit.sinks,
    clock,
    trail: state.store.audit,
    audit: state.audit,
    oversight,
    telling: {
      mask: createNoticeMask(),
      readSecret: (reference) => state.vault.resolveSecret(reference, null),
      write: (text) => new Promise((resolve) => process.stdout.write(text, () => resolve())),
    },
    onProblem,
  });
  // Closed after the recorder, whose last sessions it tells of.
  shutdown.close(() => auditing.close());
  const recorder = await openRecorder({
    dir: join(bootstrap.stateDir, 'recordings'),
    keysDir: join(bootstrap.stateDir, 'keys'),
    indexPath: join(bootstrap.stateDir, 'index.db'),
    gateway: bootstrap.publicUrl,
    ...(await recordingOptions(bootstrap.recordings, process.env)),
    clock,
    onEvent: (session, event) => {
      metrics.observeEvent(event);
      oversight.observe(session, event);
    },
    onProblem,
  });
  shutdown.close(() => recorder.close());
  await auditing.start(recorder);
  const analyser = metrics.timedAnalyser(createPostgresAnalyser({}));
  shutdown.close(() => analyser.close());

  const parts: ConfigurationParts = {
    clock,
    readSecret: (reference, destination) => state.vault.resolveSecret(reference, destination),
    connectThrough: (relay, target, wanted, signal) => relays.connect(relay, target.name, wanted, signal),
  };
  const configuration = new ActiveConfiguration(emptyConfiguration(parts));
  configuration.onSwap(({ destinations }) => state.vault.sendTo(destinations));
  const bundles = new BundleAdmin({ ...parts, ...state, history: state.store.bundles, configuration });
  await loadFirstConfiguration(bootstrap.stateDir, bundles, configuration, state.store.bundles, parts);

  const identity = bootstrap.demoIdentity ? await startDemoIdentity(bootstrap) : null;
  const gatewayTokens = await openGatewayTokens({
    gateway: bootstrap.publicUrl,
    keysDir: join(bootstrap.stateDir, 'keys'),
    now: clock,
  });
  const ownIssuer = bootstrap.workloads.issuers.length === 0 ? [] : [gatewayIssuer(bootstrap.publicUrl)];
  const verifier = createTokenVerifier([...bootstrap.issuers, ...ownIssuer], {
    now: clock,
    jwks: { ...identity?.jwks, [bootstrap.publicUrl]: gatewayTokens.jwks },
  });
  const people = new KnownPeople(state.store.people, clock, onProblem);
  const logins = new Logins(clock, bootstrap.login.sessionsOutliveMinutes * 60_000);
  const newest = new NewestClaims(clock, bootstrap.login.sessionsOutliveMinutes * 60_000);
  const callers: Callers = new Callers(verifier, configuration, state.grants, {
    newest,
    seen: (token) => people.saw(token),
    lasts: (id, expiresAt) => logins.saw(id, expiresAt),
    changed: () => endedWith('its groups'),
  });
  state.countVotesBy(countVotes({ people, callers, configuration }));
  const relays = new Relays({
    clock,
    audit: state.audit,
    rules: () => configuration.current().relays,
    refresh: callers.refresh,
    identify: (token) => callers.identify(token),
    onProblem,
  });
  const targets = new TargetDirectory(configuration);
  const desk = new AccessDesk(configuration, state.approvals, state.grants);
  state.onRequest((request) => desk.heard(request));
  const endRefused = (): number =>
    connections.endWhere(
      ({ target, principal }) =>
        target !== null && principal !== null && !targets.isStillAllowed(target, callers.refresh(principal)),
    );
  const endedWith = (what: string): void => {
    const ended = endRefused() + relays.endRefused();
    if (ended > 0) log.info({ ended }, `sessions ended with ${what}`);
  };
  configuration.onSwap(() => {
    const ended = endRefused() + relays.endRefused();
    log.info({ version: configuration.current().version, ended }, 'bundle in force');
  });
  shutdown.close(sweepLogins({ logins, newest, connections, log }, limits.loginSweepMs));
  state.grants.onChange(() => endedWith('a grant'));
  const sessions = new LiveSessions();
  const signalling = new Signalling({
    book: new SignalBook({ store: state.store.signals, clock, onProblem }),
    store: state.store.signals,
    sessions,
    clock,
    onProblem,
    tell: (event) => auditing.tell(event),
  });
  shutdown.close(() => signalling.close());
  oversight.signalTo(signalling);
  state.audit.onRecord((entry) => signalling.hear(eventOf(entry)));
  const usage = new UsageBook();
  const usageKeeper = new UsageKeeper({
    ...{ store: state.store.usage, gateway: bootstrap.publicUrl, book: usage, clock, onProblem },
  });
  shutdown.close(() => usageKeeper.close());
  const forEngines = {
    usage,
    signalsOf: (identity: string) => signalling.book.kindsOf(identity),
    onReveal: (event: AuditEvent) => signalling.hear(event),
    recorder,
    approvals: state.approvals,
    policies: () => configuration.current().policies,
    refreshPrincipal: callers.refresh,
    now: clock,
    live: sessions,
    onVerdict: (verdict: 'allow' | 'deny' | 'hold', microseconds: number) =>
      metrics.observeVerdict(verdict, microseconds),
    log: (message: string, error: unknown) => log.error({ err: error }, message),
  };
  const postgres = createPostgresService({
    ...forEngines,
    analyser,
    hashKey: state.vault.deriveKey('hash masker'),
    ...{ readCatalog, readCatalogMark, uptime: () => performance.now() },
    narrow: narrowClassification,
    copiedColumns: state.store.copiedColumns,
  });
  shutdown.close(() => postgres.close());
  const ssh = createSshService({
    ...forEngines,
    hostKey: openSshHostKey(bootstrap.stateDir),
    userAuthority: openSshUserAuthority(bootstrap.stateDir),
  });
  const engines = new Engines(
    new Map<string, ProtocolEngine>([
      ['postgres', postgres],
      ['ssh', ssh],
      ['command', ssh],
    ]),
  );

  const registeredKeys = new RegisteredKeys({
    ...{ store: state.store.registeredKeys, people, callers, clock, publicUrl: bootstrap.publicUrl },
    seenWithinMs: (bootstrap.listeners.ssh?.registeredKeys?.seenWithinMinutes ?? 0) * 60_000,
    onRemoved: (id) => void connections.endWhere(({ credential }) => credential === id),
  });
  const services: GatewayServices = {
    bootstrap,
    clock,
    configuration,
    bundles,
    history: state.store.bundles,
    targets,
    statuses: new TargetStatuses(clock),
    approvals: state.approvals,
    eyes: new RequestEyes(configuration, state.vault, state.approvals),
    reviews: new RequestReviews({ approvals: state.approvals, configuration, engines, now: clock }),
    grants: state.grants,
    desk,
    bots: new BotDesk({
      ...{ publicUrl: bootstrap.publicUrl, clock, configuration, callers, people },
      ...{ deliveries: state.store.deliveries, approvals: state.approvals, audit: state.audit },
    }),
    relays,
    audit: state.audit,
    vault: state.vault,
    recorder,
    oversight,
    signalling,
    replay: new PolicyReplay({ recorder, configuration, engines }),
    engines,
    copies: (target) => (target.kind === 'postgres' ? postgres.copies(target) : []),
    endCopy: (target, id, tell) => (target.kind === 'postgres' ? postgres.endCopy(target, id, tell) : 'unknown'),
    sshHostKey: ssh.hostKey,
    sshAuthority: ssh.authority,
    registeredKeys,
    sessions,
    refreshPrincipal: callers.refresh,
    connections,
    execSlots: new ExecSlots(limits.execs, limits.execsPerPrincipal),
    cursors: new ExecCursors(options.cursorLimits ?? defaultCursorLimits, clock),
    idempotency: new Idempotency(state.store.outcomes, state.vault.deriveKey('outcomes'), clock),
    metrics,
    gatewayTokens,
    exchange: createExchange(bootstrap, { people: verifier, tokens: gatewayTokens, now: clock }),
    identify: async (token) => (await callers.identify(token)).principal,
    unreadiness: async () => unreadiness(connections, recorder.ready, state.isOpen()),
  };
  const routes = routeTable(services, version);
  const common = {
    callers,
    limits,
    log,
    isHostAllowed: createHostCheck(bootstrap.listen.host, bootstrap.publicUrl),
    newRequestId: () => newId('evt'),
    isDraining: () => connections.isClosed,
  };
  const mcp = createMcpEndpoint({
    ...common,
    version,
    publicUrl: bootstrap.publicUrl,
    audit: state.audit,
    routes,
    metrics,
    drainSignal: connections.drainSignal,
  });
  shutdown.close(() => mcp.close());
  const front = createFront({
    ...common,
    audit: state.audit,
    version,
    routes,
    metrics,
    tls: bootstrap.listen.tls,
    upgrades: { ...common, targets, connections, engines, relays },
    mcp: mcp.listener,
    identityProvider: identity,
  });
  const port = await front.listen(bootstrap.listen.host, bootstrap.listen.port);
  shutdown.stop(
    () => front.close(),
    () => front.destroy(),
  );
  const listening = { callers, targets, connections, limits, log };
  const native = await openNativeListeners(
    bootstrap.listeners,
    {
      postgres: { ...listening, accept: postgres.acceptNative },
      ssh: { ...listening, clock, registeredKeys, accept: ssh.acceptNative },
    },
    shutdown,
  );
  shutdown.drain(async (graceMs) => {
    const left = await connections.drain(graceMs);
    if (left > 0) log.warn({ left }, 'connections were cut while draining');
    // Their sessions are over; a relay that is told so comes back at once when this gateway does.
    relays.close();
  });
  metrics.gauge('sluice_connections_live', 'Connections that engines serve', () => connections.size);
  metrics.gauge('sluice_relays_connected', 'Connections of relays', () => relays.counts.connections);
  metrics.gauge('sluice_relay_streams', 'Connections to targets by way of relays', () => relays.counts.streams);
  metrics.gauge('sluice_audit_backlog', 'Audit events that a sink has not confirmed', () => auditing.backlog);
  metrics.gauge('sluice_durable_commits', 'Writes of durable sessions', () => recorder.commitCounts.commits);
  metrics.gauge('sluice_durable_syncs', 'Syncs of the disk for them', () => recorder.commitCounts.syncs);
  metrics.gauge('sluice_cursors_open', 'Results that callers may go on with', () => services.cursors.size);
  metrics.gauge('sluice_execs_running', 'Statements running through POST /v1/exec', () => services.execSlots.running);
  log.info({ url: bootstrap.publicUrl, port, bundle: configuration.current().version }, 'gateway ready');

  return {
    url: bootstrap.publicUrl,
    port,
    ...native,
    routes: routes.map((route: ApiRoute) => ({ method: route.method, path: route.path, access: route.access })),
    bundleVersion: () => configuration.current().version,
    lastBundle: () => bundles.last(),
    applyBundle: (files, message) => bundles.apply(files, { by: 'gateway', dryRun: false, message }),
    setSecret: async (name, value) =>
      state.audit.attempt('gateway', 'secret.set', name, {}, () =>
        state.vault.set(name, value, 'gateway', configuration.current().destinations.get(name)),
      ),
    close: (close = {}) => shutdown.run(close.graceMs ?? defaultGraceMs),
  };
}

function unreadiness(connections: LiveConnections, recorderReady: boolean, storeOpen: boolean): readonly string[] {
  return [
    ...(connections.isClosed ? ['the gateway is shutting down'] : []),
    ...(recorderReady ? [] : ['the recorder takes no new sessions: no space left, or its ledger failed']),
    ...(storeOpen ? [] : ['the store does not answer']),
  ];
}
