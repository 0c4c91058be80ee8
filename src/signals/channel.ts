import { z } from 'zod';
import { type Notice, noticeOf, type SpooledEvent } from './notice.js';
import { linkOf, linkSchema, valuesOf } from './template.js';

/** What every way of telling people has in common. */
export const channelShape = {
  /** Ids of audit events; `approval.*` means all that begin so. */
  events: z
    .array(z.string().regex(/^[a-z]+\.(?:[a-z]+|\*)$/, 'an event is named like operation.held or approval.*'))
    .min(1)
    .default([
      ...['operation.held', 'approval.*', 'signal.raised', 'access.emergency'],
      ...['request.create', 'request.approve', 'request.deny', 'request.expire'],
    ]),
  /** A page that shows more, `https://…/{request_id}`: nobody's by default. */
  link: linkSchema.nullable().default(null),
  /** Tell statements too, without their literals. */
  statements: z.boolean().default(false),
};

export interface ChannelConfig {
  readonly events: readonly string[];
  readonly link: string | null;
  readonly statements: boolean;
}

/** What a channel needs of the gateway. */
export interface Telling {
  readonly gateway: string;
  /** Masks what the detectors of the moment find. */
  readonly mask: (text: string) => string;
  /** The secret behind `vault:NAME`, `env:NAME` or `file:PATH`. */
  readonly readSecret: (reference: string) => Promise<string>;
  readonly onProblem: (message: string, cause: unknown) => void;
}

export type Lines = readonly { readonly sequence: number; readonly line: string }[];

/** The notices of those events that this channel wants. */
export function noticesFor(config: ChannelConfig, lines: Lines, { gateway, mask }: Telling): readonly Notice[] {
  const wants = (event: string): boolean => config.events.some((wanted) => matches(wanted, event));
  return lines
    .map(({ line }) => JSON.parse(line) as SpooledEvent)
    .filter(({ event, detail }) => wants(event) && !isToldTwice(event, detail, wants))
    .map((event) => {
      const notice = noticeOf(event, { mask: config.statements ? mask : null });
      return { ...notice, link: linkOf(config.link, valuesOf(notice, gateway)) };
    });
}

/** The steps of a request that waits in a session stand in the trail as well: there, they are told by the session. */
function isToldTwice(event: string, detail: SpooledEvent['detail'], wants: (event: string) => boolean): boolean {
  if (typeof detail['session'] !== 'string') return false;
  const ofSession = inSession.get(event);
  return ofSession !== undefined && wants(ofSession);
}

const inSession: ReadonlyMap<string, string> = new Map([
  ['request.create', 'operation.held'],
  ['request.deny', 'approval.denied'],
  ['request.expire', 'approval.expired'],
  ['request.cancel', 'approval.cancelled'],
  ['request.execute', 'approval.executed'],
]);

function matches(wanted: string, event: string): boolean {
  return wanted.endsWith('.*') ? event.startsWith(wanted.slice(0, -1)) : wanted === event;
}
