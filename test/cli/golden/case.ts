import type { Role } from '../../integration/gateway-harness.js';
import type { World } from './world.js';

/** How a command is run: on a terminal, into a pipe, with --json, and so that it fails (in words and with --json). */
export const forms = ['tty', 'pipe', 'json', 'error', 'error-json'] as const;
export type Form = (typeof forms)[number];

/** One that is run without being written down: on a terminal that an AI agent has. It must end by itself. */
export const agent = 'agent';

/** 1, 2, …: what makes a case's things its own. */
export const numberOf = (form: Place['form']): number => [...forms, agent].indexOf(form) + 1;

/** What a case can make its words from; the home is its own and empty. */
export interface Place {
  readonly world: World;
  readonly home: string;
  readonly form: Form | typeof agent;
  /** Runs another command there before, with the same login; throws when it fails. Its stdout. */
  sluice(...args: readonly string[]): Promise<string>;
}

/** A statement that a DBA has to approve, another for each command and form: the same one is the same request. */
export const heldText = (form: Place['form'], word: string): string =>
  `update orders set status = '${word}' where id = ${numberOf(form)}`;

export type Words = readonly string[] | ((place: Place) => readonly string[] | Promise<readonly string[]>);

export interface Attempt {
  /** Behind the command's own name. */
  readonly args?: Words;
  /** Whose login; null for none. */
  readonly as?: Role | null;
  readonly code?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** All that is run of one command. */
export interface CommandCases extends Attempt {
  /** As it is typed: "requests approve". */
  readonly command: string;
  /** It goes on by itself: interrupted once its output has this. */
  readonly until?: RegExp;
  /** What happens once it runs, and its output has `begun`. */
  readonly meanwhile?: { readonly begun: RegExp; do(place: Place): Promise<void> };
  /** Ends what was left running. */
  after?(place: Place): Promise<void>;
  /** With --json it prints NDJSON, each line a document. */
  readonly stream?: boolean;
  /** What would ask a person, where it ever does, and how it ends instead when an agent has the terminal. */
  readonly asks?: Attempt;
  /** What fails, unlike the rest; it ends by itself. */
  readonly error: Attempt & { readonly code: number };
  /** Forms that it does not have, and why. */
  readonly without?: Partial<Readonly<Record<Form, string>>>;
}
