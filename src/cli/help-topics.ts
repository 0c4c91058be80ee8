import { exitCodeMeanings, exitCodeOf, ownFailureBase } from './exit-codes.js';

export interface HelpTopic {
  readonly text: string;
  readonly document: object;
}

const environment = `ENVIRONMENT
  flag > environment > .sluice.yaml (profile only) > user configuration > the gateway's defaults

  SLUICE_GATEWAY              the gateway's address
  SLUICE_PROFILE              which login to use
  SLUICE_TOKEN, SLUICE_TOKEN_FILE
                              an access token; no login is looked up or stored
  SLUICE_IDENTITY_TOKEN_FILE  a workload's identity token, exchanged at the gateway; read again when it is needed
  SLUICE_CREDENTIAL_STORE     auto | keyring | file
  SLUICE_NON_INTERACTIVE      never ask, open no browser
  SLUICE_NO_DAEMON            work without the local agent
  SLUICE_STDIN_TIMEOUT        how long a silent pipe on standard input is waited for; default 30s
  SLUICE_CONFIG_DIR           default ~/.config/sluice
  SLUICE_STATE_DIR            default ~/.local/state/sluice
  SLUICE_CA_FILE              further certificate authorities for the gateway
  SLUICE_DEBUG                stack traces on stderr
  HTTPS_PROXY, NO_PROXY       the proxy to the gateway and the identity provider, and who is reached without it
  NO_COLOR, CI, XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR are honoured.`;

const json = `JSON
  --json prints exactly one document on stdout, for success and for failure; everything else goes to stderr.
  Every document has "schema" ("sluice.exec/v1") and "ok". Inside a version, fields are only ever added.
  64-bit integers and decimals are strings, times are RFC 3339 UTC, an absent value is null.
  A failure is {"schema":"sluice.error/v1","ok":false,"error":{"code","exit_code","decider","policy","message",
  "retryable","request_id","expires_at","target_code","target_contacted","next":[{"command","when"}]}}.
  Streams (exec --format jsonl, quickstart --json) are one document a line.`;

const agents = `FOR AGENTS AND SCRIPTS
  Nothing ever needs an answer: without a terminal, or with --json, --no-input, CI or SLUICE_NON_INTERACTIVE set,
  a missing value exits 2 and names the flag, a missing login exits 4.

  sluice login GATEWAY --non-interactive         prints address, code and handle as JSON; a person confirms, then
  sluice login --complete HANDLE --json          fetches the login; waits 45 s at most, exit 14 while nobody has confirmed
  sluice status --json                           whether somebody is logged in, and where

  sluice targets --json                          what may be reached
  sluice describe TARGET --json                  what is allowed there, held for people, and masked
  sluice exec TARGET "select …" --json           one operation; values may come masked
  exit 5  denied by policy: do not retry the same thing
  exit 8  held for approval: "request_id" and "next" say how to go on
          sluice requests wait REQUEST --timeout 10m --json      then
          sluice exec --request REQUEST --json                   runs exactly what was approved, once
  sluice policy explain TARGET "…" --json        what would be decided, without running it

  Results are cut at 100 rows or 64 KiB: "truncated" says so, "next_cursor" goes on (exec --cursor C) for two minutes.
  sluice exec TARGET "…" --format jsonl --limit 1000000          streams instead, as fast as it is read
  sluice exec TARGET "…" --idempotency-key K     safe to repeat: runs once, then gives the recorded outcome
  sluice exec TARGET "…" --read-only             lets nothing write, whatever policy permits

  Tables are in information_schema; psql's own commands (\\d) need psql: sluice connect TARGET -- psql -c '\\d'
  sluice connect TARGET                          goes on until it is ended; with --detach it returns
  sluice mcp config --client claude              the same as tools of an MCP client; sluice mcp serve speaks it on stdio
  sluice schema NAME                             the JSON Schema of a document: sluice schema exec

  exec speaks HTTPS only and needs no local agent.`;

const exitCodes = [
  'EXIT CODES',
  ...exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
  `  exec TARGET -- PROGRAM … ends with the program's own code; a failure of Sluice's own is then ${ownFailureBase} + its code,`,
  `  so that ${ownFailureBase + exitCodeOf('denied')} is a denial. Interrupted stays 130 and 143.`,
].join('\n');

/** `sluice help TOPIC`: what does not belong to one command. */
export const helpTopics: Readonly<Record<string, HelpTopic>> = {
  'exit-codes': {
    text: exitCodes,
    document: {
      schema: 'sluice.exit_codes/v1',
      ok: true,
      exit_codes: exitCodeMeanings.map(([exit_code, meaning]) => ({ exit_code, meaning })),
      own_failure_base: ownFailureBase,
    },
  },
  environment: { text: environment, document: { schema: 'sluice.help_topic/v1', ok: true, text: environment } },
  json: { text: json, document: { schema: 'sluice.help_topic/v1', ok: true, text: json } },
  agents: { text: agents, document: { schema: 'sluice.help_topic/v1', ok: true, text: agents } },
};
