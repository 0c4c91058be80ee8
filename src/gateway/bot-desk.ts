import { requiredGroups } from '../approvals/quorum.js';
import type { ApprovalRequest, Approvals } from '../approvals/types.js';
import { readSignedDecision, refuse, type SignedDecision } from '../identity/signed-decision.js';
import type { VerifiedToken } from '../identity/types.js';
import { isId } from '../lib/ids.js';
import { SluiceError } from '../lib/errors.js';
import type { Bot } from '../policy/bots.js';
import type { Principal } from '../policy/types.js';
import type { DeliveryStore } from '../store/ports.js';
import type { Audit } from './audit.js';
import { decideOnGateway, refusedOnGateway } from './authorise.js';
import type { Callers } from './callers.js';
import type { ActiveConfiguration } from './configuration.js';
import type { KnownPeople } from './known-people.js';
import { botActor } from './request-trail.js';

/** A decision, with the token that came with it, verified. */
type Said = SignedDecision & { readonly shown: VerifiedToken | null };

/** Much longer than a message is good for, so that a clock set back opens nothing. */
const deliveriesKeptMs = 7 * 24 * 3_600_000;

export interface BotDeskParts {
  readonly publicUrl: string;
  readonly clock: () => number;
  readonly configuration: ActiveConfiguration;
  readonly callers: Callers;
  readonly people: KnownPeople;
  readonly deliveries: DeliveryStore;
  readonly approvals: Approvals;
  readonly audit: Audit;
}

export interface Decided {
  readonly request: ApprovalRequest;
  readonly by: Principal;
  readonly decision: 'approve' | 'deny';
}

/**
 * Takes what a chat bot says that a person decided. The bot's signature says which account spoke, and nothing else: who
 * that is says the bundle, in which groups they are says the gateway's own knowledge of them, and what they may decide
 * says the same code as for a login.
 */
export class BotDesk {
  readonly #parts: BotDeskParts;

  constructor(parts: BotDeskParts) {
    this.#parts = parts;
  }

  /** Throws login_required for what the bot did not sign, conflict for what was taken before, denied for who may not. */
  async decide(name: string, message: string): Promise<Decided> {
    const { audit, callers, clock, configuration, deliveries, publicUrl } = this.#parts;
    const { bots } = configuration.current();
    const bot = Object.hasOwn(bots, name) ? bots[name] : undefined;
    const trust = { keys: bot?.keys ?? [], bot: name, audience: publicUrl, now: clock() };
    const said = await readSignedDecision(message, trust);
    const shown = said.token === null ? null : await callers.identify(said.token);
    if (bot === undefined || configuration.current().bots[name] !== bot)
      throw refuse('the configuration has just changed; send it again');
    deliveries.prune(clock() - deliveriesKeptMs);
    if (!deliveries.claim(name, said.id, clock()))
      throw new SluiceError('conflict', `This decision (${said.id}) was delivered before; each counts once.`);
    const actor = { id: botActor(name), name };
    const detail = { on_behalf_of: loginOf(bot, said.account) ?? said.account, comment: said.comment };
    // What is no request must not look like another thing in the trail.
    const object = isId('req', said.request) ? said.request : 'request';
    return audit.attemptTold(actor, `request.${said.decision}`, object, detail, () =>
      this.#vote(name, bot, { ...said, shown: shown?.token ?? null }),
    );
  }

  #vote(name: string, bot: Bot, said: Said): Decided {
    const { comment, decision, request: id } = said;
    const { approvals } = this.#parts;
    if (!bot.decisions.includes(decision)) throw denied(`The bot ${name} may not ${decision}.`);
    const by = this.#personOf(name, bot, said);
    const request = isId('req', id) ? approvals.get(id) : null;
    if (request === null) throw new SluiceError('not_found', `no request ${id}`, { next: [] });
    const { id: requester, name: requesterName } = request.principal;
    if (bot.login !== null && [requester, requesterName].includes(bot.login))
      throw denied('Nobody decides through a bot on what the bot itself asks for.');
    const groups = by.groups.filter((group) => bot.groups.includes(group));
    const required = requiredGroups(request);
    if (!required.some((group) => groups.includes(group)) && required.some((group) => by.groups.includes(group)))
      throw denied(`The bot ${name} brings no decisions of ${required.join(' or ')}; use sluice requests ${decision}.`);
    return { request: approvals.vote(id, { ...by, groups, via: name }, decision, comment), by, decision };
  }

  #personOf(name: string, bot: Bot, { account, shown }: Said): Principal {
    const { callers } = this.#parts;
    const login = loginOf(bot, account);
    if (login === null) throw denied(`The bot ${name} may not speak for the account ${JSON.stringify(account)}.`);
    const principal = callers.resolve(bot.proof === 'seen' ? this.#seen(bot, login) : requireOwn(bot, login, shown));
    const decision = decideOnGateway(callers.policies(), principal, 'review');
    if (decision.verdict !== 'allow') throw refusedOnGateway(decision, 'review');
    return principal;
  }

  /** What the person's last token said, when that was not long ago. */
  #seen({ issuer, seenWithin }: Bot, login: string): VerifiedToken {
    const { clock, people } = this.#parts;
    const person = people.find(issuer, login);
    if (person === 'many') throw denied(`${login} is the name of several people; bind the account to issuer#subject.`);
    if (person !== null && clock() - person.seenAt <= seenWithin) return person.token;
    throw new SluiceError('denied', `${login} has not been seen here of late, so their groups are not known.`, {
      decider: 'gateway',
      next: [{ command: 'sluice login', when: 'as that person; then decide again' }],
    });
  }
}

function loginOf({ accounts }: Bot, account: string): string | null {
  return Object.hasOwn(accounts, account) ? (accounts[account] ?? null) : null;
}

/** The token that came with the decision, if it is the person's. */
function requireOwn({ issuer }: Bot, login: string, shown: VerifiedToken | null): VerifiedToken {
  if (shown === null) throw denied(`Deciding through this bot needs ${login}’s own token with each decision.`);
  const isTheirs = shown.issuer === issuer && [shown.name, `${shown.issuer}#${shown.subject}`].includes(login);
  if (!isTheirs) throw denied(`The token with the decision is not ${login}’s.`);
  return shown;
}

function denied(message: string): SluiceError {
  return new SluiceError('denied', message, { decider: 'gateway', next: [] });
}
