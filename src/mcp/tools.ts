import { z } from 'zod';
import { describeTarget } from './describe-target.js';
import { accessOf, requestOf, rowsOf, runOrHold } from './results.js';
import {
  accessListOutput,
  boundsInput,
  ranOutput,
  requestOutput,
  rowsOutput,
  searchOutput,
  statementInput,
  targetOutput,
  targetsOutput,
  untrustedNotice,
  whoamiOutput,
} from './schemas.js';
import { type Tool, tool, type Toolset } from './tool.js';

/** No call waits longer: clients and agents give up on longer ones. */
const longestWaitS = 45;
const progressEveryMs = 5_000;

/** Every tool there is. None of them approves or denies: that is for people, in another place. */
const tools: readonly Tool[] = [
  tool({
    name: 'whoami',
    title: 'Who am I',
    description: 'The identity that everything is judged and recorded under, its groups, and when the login ends.',
    groups: ['read', 'run'],
    readOnly: true,
    input: z.strictObject({}),
    output: whoamiOutput,
    async handle({ api, signal }) {
      const { id, name, kind, groups, expires_at } = await api.whoami({ signal });
      return { id, name, kind, groups: [...groups], expires_at };
    },
  }),
  tool({
    name: 'list_targets',
    title: 'List targets',
    description: 'The systems that you may reach through this gateway.',
    groups: ['read', 'run'],
    readOnly: true,
    input: z.strictObject({
      kind: z.string().optional().describe('Only this kind, such as postgres'),
      label: z.string().optional().describe('Only targets with this label, key=value'),
      search: z.string().optional().describe('Only names that contain this'),
    }),
    output: targetsOutput,
    async handle({ api, signal }, { kind, label, search }) {
      const filter = { ...(kind && { kind }), ...(label && { label }), ...(search && { search }) };
      const { targets } = await api.targets(filter, { signal });
      return { targets: targets.map((target) => ({ ...target, labels: { ...target.labels } })) };
    },
  }),
  tool({
    name: 'describe_target',
    title: 'Describe a target',
    description:
      'Tables, columns and types of a target, which columns are protected, and what policy lets you do there. Shows no values.',
    groups: ['read', 'run'],
    readOnly: true,
    input: z.strictObject({ target: statementInput.target }),
    output: targetOutput,
    handle: (call, { target }) => describeTarget(call, target),
  }),
  tool({
    name: 'run_query',
    title: 'Run a query that only reads',
    description:
      'Runs one statement that changes nothing; the gateway refuses any other, whatever you may do otherwise. Values may come masked. A cut result goes on with fetch_rows.',
    groups: ['read'],
    readOnly: true,
    input: z.strictObject({ ...statementInput, ...boundsInput }),
    output: ranOutput,
    handle: (call, input) => runOrHold(call, { ...withoutUndefined(input), read_only: true }),
  }),
  tool({
    name: 'run_statement',
    title: 'Run a statement',
    description:
      'Runs one statement that may change something. When people must approve it first, nothing runs and the answer has status "held". Give an idempotency_key to be able to repeat a call safely.',
    groups: ['run'],
    readOnly: false,
    input: z.strictObject({
      ...statementInput,
      ...boundsInput,
      idempotency_key: z.string().max(128).optional().describe('The same key with the same input runs once'),
    }),
    output: ranOutput,
    handle: (call, input) => runOrHold(call, withoutUndefined(input)),
  }),
  tool({
    name: 'fetch_rows',
    title: 'Fetch more rows',
    description: 'The next rows of a result whose next_cursor is not null.',
    groups: ['read', 'run'],
    readOnly: true,
    input: z.strictObject({ cursor: z.string(), ...boundsInput }),
    output: rowsOutput,
    handle: async ({ api, signal }, input) => rowsOf(await api.fetchRows(input, { signal })),
  }),
  tool({
    name: 'list_access',
    title: 'What access you have and may ask for',
    description: 'Groups that you have for a while, until when, and groups or targets that request_access may ask for.',
    groups: ['read', 'run'],
    readOnly: true,
    input: z.strictObject({}),
    output: accessListOutput,
    handle: async ({ api, signal }) => accessOf(await api.grants({ mine: true }, { signal })),
  }),
  tool({
    name: 'request_access',
    title: 'Ask people for access for a while',
    description:
      'Asks for membership in a group, or for what a target needs, for so many minutes. People decide; it begins when wait_request shows the state "executed", and ends by itself.',
    groups: ['run'],
    readOnly: false,
    input: z.strictObject({
      name: z.string().describe('A group or a target, from list_access'),
      minutes: z.int().min(1).max(43_200).describe('How long from the approval on'),
      reason: z.string().min(1).max(1000).describe('Why; reviewers see it'),
    }),
    output: requestOutput,
    async handle({ api, signal }, { name, minutes, reason }) {
      const { request } = await api.requestAccess({ name, duration_ms: minutes * 60_000, reason }, { signal });
      if (request === null) throw new TypeError('only an emergency begins without a request');
      return requestOf(request);
    },
  }),
  tool({
    name: 'request_approval',
    title: 'Ask people to approve a statement',
    description:
      'Asks for approval of exactly one statement ahead of time. Nothing runs. People decide; then run_approved runs it once.',
    groups: ['run'],
    readOnly: false,
    input: z.strictObject({ ...statementInput, reason: z.string().min(1).max(1000).describe('Why; reviewers see it') }),
    output: requestOutput,
    handle: async ({ api, signal }, input) => requestOf((await api.createRequest(input, { signal })).request),
  }),
  tool({
    name: 'wait_request',
    title: 'Wait for people',
    description: `Waits until people have decided about a request, at most ${longestWaitS} seconds; ask again while its state is "pending".`,
    groups: ['read', 'run'],
    readOnly: true,
    input: z.strictObject({
      request_id: z.string(),
      timeout_seconds: z.int().min(0).max(longestWaitS).default(30),
    }),
    output: requestOutput,
    async handle({ api, signal, progress }, { request_id, timeout_seconds }) {
      const totalMs = timeout_seconds * 1000;
      for (let doneMs = 0; ; doneMs += progressEveryMs) {
        const callMs = Math.min(progressEveryMs, totalMs - doneMs);
        const { request } = await api.waitRequest(request_id, Math.max(0, callMs), { signal });
        if (request.state !== 'pending' || doneMs + callMs >= totalMs) return requestOf(request);
        await progress(`waiting for people to decide about ${request_id}`, doneMs + callMs, totalMs);
      }
    },
  }),
  tool({
    name: 'run_approved',
    title: 'Run what was approved',
    description: 'Runs exactly the statement that people approved under a request, once.',
    groups: ['run'],
    readOnly: false,
    input: z.strictObject({ request_id: z.string(), ...boundsInput }),
    output: ranOutput,
    async handle(call, { request_id, limit, max_bytes }) {
      const { request } = await call.api.request(request_id, { signal: call.signal });
      const { target, text, parameters } = request;
      return runOrHold(call, { target, text, parameters, request_id, limit, max_bytes });
    },
  }),
  tool({
    name: 'search_sessions',
    title: 'Search recordings',
    description:
      'Finds recorded operations by their words: what you, or those whose recordings you may read, have run.',
    groups: ['read'],
    readOnly: true,
    input: z.strictObject({
      query: z.string().min(1),
      target: z.string().optional(),
      limit: z.int().min(1).max(50).default(10),
      cursor: z.string().optional(),
    }),
    output: searchOutput,
    async handle({ api, signal }, { query, target, limit, cursor }) {
      const filter = { q: query, limit, ...(target && { target }), ...(cursor && { cursor }) };
      const found = await api.searchSessions(filter, { signal });
      return {
        notice: untrustedNotice,
        untrusted: true as const,
        sessions: found.sessions.map((session) => ({
          id: session.id,
          target: session.target,
          user: session.user,
          started_at: session.started_at,
          state: session.state,
          matches: session.matches.map(({ at, text, verdict }) => ({ at, text: text.slice(0, 2_000), verdict })),
        })),
        next_cursor: found.next_cursor,
      };
    },
  }),
];

/** The tools of a set, in a steady order. */
export function toolsOf(set: Toolset): readonly Tool[] {
  return set === 'all' ? tools : tools.filter(({ groups }) => groups.includes(set));
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };
function withoutUndefined<T extends object>(input: T): Defined<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Defined<T>;
}
