import { z } from 'zod';
import { documentOf, timestamp } from '../gateway/schemas/common.js';
import { errorDocument } from '../gateway/schemas/error.js';
import { execDocument } from '../gateway/schemas/exec.js';

/** Documents that the command line itself makes; those of the gateway's API are in its own schemas. */
const name = z.string();
const agent = z.object({
  protocol: z.int(),
  pid: z.int(),
  started_at: timestamp,
  tunnels: z.int(),
  connections: z.int(),
  idle_until: timestamp.nullable(),
});
const tunnel = z.object({
  id: z.string(),
  target: name,
  profile: name,
  gateway: z.string(),
  host: z.string(),
  port: z.int(),
  password: z.string(),
  connections: z.int(),
  started_at: timestamp,
  expires_at: timestamp.nullable(),
  uri: z.string(),
});
const next = z.array(z.object({ command: z.string(), when: z.string() }));

export const commandDocuments: Readonly<Record<string, z.ZodType>> = {
  'sluice.completion/v1': documentOf('sluice.completion/v1', {
    shell: z.enum(['bash', 'zsh', 'fish', 'powershell']),
    script: z.string(),
    install: z.string(),
  }),
  'sluice.config_ssh/v1': documentOf('sluice.config_ssh/v1', {
    config: z.string(),
    /** The line for ssh_config that makes "ssh TARGET" work. */
    include: z.string(),
    targets: z.array(name),
    /** The file that the line was written into. */
    installed: z.string().nullable(),
  }),
  'sluice.connection/v1': documentOf('sluice.connection/v1', {
    target: name,
    host: z.string(),
    port: z.int(),
    uri: z.string(),
    detached: z.boolean(),
  }).loose(),
  'sluice.tables/v1': documentOf('sluice.tables/v1', {
    target: name,
    tables: z.array(
      z.object({
        schema: name,
        name,
        columns: z.array(
          z.object({
            name,
            type: z.string(),
            nullable: z.boolean(),
            class: z.string().nullable(),
            /** How a protected one is shown; "clear" where policy lets you see it. */
            mask: z.string().nullable(),
          }),
        ),
      }),
    ),
    truncated: z.boolean(),
  }),
  'sluice.daemon/v1': documentOf('sluice.daemon/v1', { running: z.boolean(), agent: agent.nullable() }),
  'sluice.daemon_log/v1': documentOf('sluice.daemon_log/v1', { at: z.string().nullable(), text: z.string() }),
  'sluice.daemon_service/v1': documentOf('sluice.daemon_service/v1', {
    manager: z.string(),
    file: z.string(),
    installed: z.boolean(),
    started: z.boolean(),
  }),
  'sluice.doctor/v1': documentOf('sluice.doctor/v1', {
    healthy: z.boolean(),
    target: z.string().nullable(),
    checks: z.array(
      z.object({
        name: z.string(),
        state: z.enum(['ok', 'warning', 'failed', 'skipped']),
        message: z.string(),
        fix: next,
      }),
    ),
  }),
  'sluice.exec_many/v1': z.object({
    schema: z.literal('sluice.exec_many/v1'),
    /** False when any target failed. */
    ok: z.boolean(),
    targets: z.array(
      z.object({ target: name, result: execDocument.nullable(), error: errorDocument.shape.error.nullable() }),
    ),
    succeeded: z.int(),
    failed: z.int(),
  }),
  'sluice.exit_codes/v1': documentOf('sluice.exit_codes/v1', {
    exit_codes: z.array(z.object({ exit_code: z.int(), meaning: z.string() })),
    /** What is added to failures of Sluice's own where a program's code is passed through. */
    own_failure_base: z.int(),
  }),
  'sluice.export/v1': documentOf('sluice.export/v1', {
    session_id: z.string(),
    file: z.string(),
    bytes: z.int(),
  }).loose(),
  'sluice.gateway/v1': documentOf('sluice.gateway/v1', {
    event: z.literal('ready'),
    url: z.string(),
    postgres_port: z.int().nullable(),
  }).loose(),
  'sluice.gateway_init/v1': documentOf('sluice.gateway_init/v1', { file: z.string() }),
  'sluice.gateway_reindex/v1': documentOf('sluice.gateway_reindex/v1', {
    sessions: z.int(),
    bytes: z.int(),
    duration_ms: z.int(),
  }),
  'sluice.help/v1': documentOf('sluice.help/v1', {
    commands: z.array(
      z.object({
        command: z.string(),
        summary: z.string().nullable(),
        args: z.array(z.string()),
        flags: z.array(z.string()),
      }),
    ),
  }),
  'sluice.help_topic/v1': documentOf('sluice.help_topic/v1', { text: z.string() }),
  'sluice.identity/v1': documentOf('sluice.identity/v1', { file: z.string(), recipient: z.string() }),
  'sluice.json_schema/v1': documentOf('sluice.json_schema/v1', {
    name: z.string(),
    json_schema: z.record(z.string(), z.unknown()),
  }),
  'sluice.json_schemas/v1': documentOf('sluice.json_schemas/v1', { names: z.array(z.string()) }),
  'sluice.logged_in/v1': documentOf('sluice.logged_in/v1', {
    profile: name,
    gateway: z.string(),
    name: z.string(),
    kind: z.enum(['human', 'machine']),
    groups: z.array(z.string()),
    expires_at: timestamp.nullable(),
    stored_in: z.string().nullable(),
  }),
  'sluice.logged_out/v1': documentOf('sluice.logged_out/v1', { profiles: z.array(z.unknown()) }),
  'sluice.login_pending/v1': documentOf('sluice.login_pending/v1', {
    handle: z.string(),
    profile: name,
    gateway: z.string(),
    verification_uri: z.string(),
    verification_uri_complete: z.string().nullable(),
    user_code: z.string(),
    expires_at: timestamp,
    next,
  }),
  'sluice.mcp_config/v1': documentOf('sluice.mcp_config/v1', {
    client: z.enum(['claude', 'cursor', 'vscode', 'codex']),
    file: z.string(),
    text: z.string(),
    written: z.boolean(),
  }),
  'sluice.playback/v1': documentOf('sluice.playback/v1', { events: z.array(z.looseObject({ type: z.string() })) }),
  'sluice.policy_test/v1': documentOf('sluice.policy_test/v1', {
    passed: z.int(),
    failed: z.int(),
    tests: z.array(
      z.looseObject({
        file: z.string(),
        line: z.int(),
        name: z.string(),
        passed: z.boolean(),
        mismatches: z.array(z.string()),
        verdict: z.string(),
        policies: z.array(z.string()),
        message: z.string(),
        masked_columns: z.array(z.string()),
      }),
    ),
  }).loose(),
  'sluice.ssh_certificate_file/v1': documentOf('sluice.ssh_certificate_file/v1', {
    identity_file: z.string(),
    certificate_file: z.string(),
    valid_before: timestamp,
    port: z.int().nullable(),
    /** How ssh is run with it; null where the gateway has no native listener. */
    command: z.string().nullable(),
  }),
  'sluice.quickstart/v1': z.looseObject({
    schema: z.literal('sluice.quickstart/v1'),
    ok: z.boolean(),
    event: z.enum([
      'starting',
      'postgres',
      'seeding',
      'gateway',
      'ready',
      'postgres_ended',
      'stopping',
      'stopped',
      'error',
    ]),
  }),
  'sluice.relay/v1': z.looseObject({
    schema: z.literal('sluice.relay/v1'),
    ok: z.literal(true),
    relay: name,
    event: z.enum(['connected', 'lost', 'opened', 'closed', 'refused', 'stopped']),
  }),
  'sluice.status/v1': documentOf('sluice.status/v1', {
    profile: z.string().nullable(),
    gateway: z.string().nullable(),
    reachable: z.boolean().nullable(),
    logged_in: z.boolean(),
    user: z.string().nullable(),
    groups: z.array(z.string()),
    expires_at: timestamp.nullable(),
    problem: z.object({ code: z.string(), message: z.string() }).nullable(),
  }),
  'sluice.tunnel/v1': documentOf('sluice.tunnel/v1', { tunnel }),
  'sluice.tunnels/v1': documentOf('sluice.tunnels/v1', { tunnels: z.array(tunnel.loose()) }),
  'sluice.uninstall/v1': documentOf('sluice.uninstall/v1', {
    /** False: it was only shown what would go. */
    removed: z.boolean(),
    logins: z.array(z.string()),
    service: z.string().nullable(),
    agent: z.boolean(),
    files: z.array(z.string()),
    ssh_config: z.string().nullable(),
    left: z.array(z.string()),
    program: z.string(),
  }).loose(),
  'sluice.version/v1': documentOf('sluice.version/v1', { version: z.string() }),
};
