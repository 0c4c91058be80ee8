import { lackingNow } from '../approvals/quorum.js';
import { requireReason } from '../approvals/reason.js';
import type { ApprovalRequest, Approvals } from '../approvals/types.js';
import { describeEffect, type Effect } from '../analysis/effects.js';
import { SluiceError } from '../lib/errors.js';
import type { Decision, DecisionQuery, RequiredApproval, ShadowDecision } from '../policy/types.js';
import type { DecisionEvent, OperationEvent } from '../recording/events.js';
import { approvalEvent } from './approval-event.js';
import { type Basis, CurrentBasis } from './basis.js';
import type { GateParts } from './gate-parts.js';
import { pendingError } from './pending-error.js';
import {
  type Allowed,
  type Denied,
  type Held,
  type JudgedOperation,
  type Look,
  mintPermit,
  type Permit,
} from './permit.js';
import { approvedTooLittle, asRefusal, deniedError, isReadOnly } from './refusals.js';
import { resultEnded } from './result-ended.js';
import { withdrawnWords } from './words.js';

const none: readonly string[] = [];
const noShadow = {};

/** One session's gate: analyse → record the attempt → decide → record the decision → permit. Protocol-blind. */
export class SessionGate {
  readonly #parts: GateParts;
  readonly #texts = new WeakMap<readonly Effect[], readonly string[]>();
  #ops = 0;
  #statements = 0;
  /** What shadow policies would have made of the decision just taken; recorded with it. */
  #shadow: ShadowDecision | undefined;
  #spareRequest: string | null;
  readonly #basis = new CurrentBasis();

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#spareRequest = parts.origin.approvedRequest;
  }

  get policyVersion(): string {
    return this.#parts.policies().version;
  }

  /** What is decided now rests on this; the very same object until policies or the principal's groups change. */
  get basis(): Basis {
    return this.#basis.of(this.policyVersion, this.#parts.principal());
  }

  /** The last operation that was judged. */
  get op(): number {
    return this.#ops;
  }

  /** How many statements this session has attempted; to prepare one that is judged again when it runs is none. */
  get statements(): number {
    return this.#statements;
  }

  /** Judges one operation. Its attempt and decision are appended to the journal; the engine commits before it forwards. */
  judge(subject: JudgedOperation & { readonly canLook?: false }): Allowed | Denied | Held;
  judge(subject: JudgedOperation): Allowed | Denied | Held | Look;
  judge(subject: JudgedOperation): Allowed | Denied | Held | Look {
    const { recorder, now } = this.#parts;
    const op = ++this.#ops;
    if (subject.preparesOnly !== true) this.#statements += subject.statements ?? 1;
    const { operation } = subject;
    const shown = this.#shown(subject);
    recorder.append({
      type: 'operation',
      at: now(),
      op,
      kind: operation.kind,
      text: shown.text,
      parameters: shown.parameters,
      effects: shown.effects,
      fault: subject.fault === null ? null : this.#shownText(subject.fault.message),
    });
    if (subject.fault !== null) return this.#deny(op, none, subject.fault);
    const misfit = this.#parts.readOnly ? subject.effects.find((effect) => !isReadOnly(effect)) : undefined;
    if (misfit !== undefined) {
      return this.#deny(
        op,
        none,
        new SluiceError('denied', `This session is read-only: ${describeEffect(misfit)}.`, { decider: 'gateway' }),
      );
    }
    return this.#rule(op, subject);
  }

  /**
   * The same operation, after a look at the target as it is now. When it turns out to do something else than was written
   * down, it is another operation.
   */
  judgeSeen({ op }: Look, before: JudgedOperation, seen: JudgedOperation): Allowed | Denied | Held {
    const { recorder, now } = this.#parts;
    const subject = { ...seen, canLook: false } as const;
    const isSame = seen.fault === null && this.#describe(before.effects).join() === this.#describe(seen.effects).join();
    if (isSame) return this.#rule(op, subject);
    const message = 'the database has changed since the gateway last looked: judged again, as the next operation';
    const { policyVersion } = this;
    recorder.append({
      type: 'decision',
      at: now(),
      op,
      verdict: 'deny',
      policies: none,
      message,
      policyVersion,
      request: null,
    });
    return this.judge(subject);
  }

  #rule(op: number, subject: JudgedOperation & { readonly canLook?: false }): Allowed | Denied | Held;
  #rule(op: number, subject: JudgedOperation): Allowed | Denied | Held | Look;
  #rule(op: number, subject: JudgedOperation): Allowed | Denied | Held | Look {
    const { operation } = subject;
    const decision = this.#decide(subject.effects, none);
    if (decision.verdict === 'allow') {
      if (subject.preparesOnly !== true) this.#parts.observer.allowed?.(subject.effects.every(isReadOnly));
      return this.#allow(op, operation.text, decision.policies);
    }
    if (decision.verdict === 'deny')
      return this.#deny(op, decision.policies, deniedError(decision, this.#parts.target.name));
    if (subject.preparesOnly === true) {
      return this.#allow(op, operation.text, none, 'prepared only; held when it runs');
    }
    if (subject.canLook === true && this.#spareRequest === null) return { verdict: 'look', op };
    return this.#hold(op, subject, decision);
  }

  /** The next part of an operation already permitted (a portal fetched on); judged afresh when policy or groups have changed since. */
  judgeAgain(subject: JudgedOperation & { readonly canLook?: false }, permit: Permit): Allowed | Denied | Held {
    if (!permit.genuine || permit.basis !== this.basis || subject.fault !== null) return this.judge(subject);
    const op = ++this.#ops;
    this.#statements++;
    const { recorder, now } = this.#parts;
    const { kind, text } = subject.operation;
    recorder.append({ type: 'operation', at: now(), op, kind, ...this.#shown(subject), fault: null });
    const decision = this.#decide(subject.effects, permit.approvals);
    if (decision.verdict !== 'allow') return this.#deny(op, decision.policies, resultEnded(decision));
    return this.#allow(op, text, none, '', permit.approvals);
  }

  /** Takes back a permit that has not been used: what it was given for is not what would run. */
  withdraw(permit: Permit, error: SluiceError): Denied {
    this.#parts.runs.refused(permit.op, error.message);
    return this.#deny(permit.op, none, error);
  }

  /** Which of these protected columns (as `reveal` effects) may be seen in clear. Nothing is recorded. */
  reveals(effects: readonly Effect[]): readonly boolean[] {
    return this.#parts.policies().reveals(this.#question(effects, none), effects);
  }

  /** Values of these columns (as `reveal` effects) go out in clear now; to have been told that they would is not that. */
  tellRevealed(op: number, effects: readonly Effect[]): void {
    for (const effect of effects) this.#parts.onReveal?.(op, effect);
  }

  /**
   * Asks policy again while the result of a permitted operation is being read; null while it may go on. What must be
   * held cannot be, half way: that is a refusal too. A refusal is recorded as a second decision on the operation.
   */
  judgeReading(permit: Permit, effects: readonly Effect[]): SluiceError | null {
    if (!permit.genuine) throw new TypeError('not a permit');
    const decision = this.#decide(effects, permit.approvals);
    if (decision.verdict === 'allow') {
      this.#shadow = undefined;
      return null;
    }
    return this.#deny(permit.op, decision.policies, resultEnded(decision)).error;
  }

  /** Asked of policy for every statement: one object, of one shape. */
  #question(effects: readonly Effect[], approvals: readonly string[]): DecisionQuery {
    const { target, origin } = this.#parts;
    const principal = this.#parts.principal();
    const session = this.#parts.facts();
    const { reason } = origin;
    const history = this.#parts.history?.();
    if (history === undefined) return { principal, target, effects, approvals, session, reason };
    const { identity, signals } = history;
    return { principal, target, effects, approvals, session, reason, identity, signals };
  }

  #decide(effects: readonly Effect[], approvals: readonly string[]): Decision {
    const started = performance.now();
    const decision = this.#parts.policies().decide(this.#question(effects, approvals));
    this.#parts.onVerdict(decision.verdict, (performance.now() - started) * 1000);
    this.#shadow = decision.shadow;
    return decision;
  }

  #describe(effects: readonly Effect[]): readonly string[] {
    let texts = this.#texts.get(effects);
    if (texts === undefined) {
      texts = effects.map(describeEffect);
      this.#texts.set(effects, texts);
    }
    return texts;
  }

  /** Masking happens before recording: what was typed is written down like what was answered. */
  #shown({ operation, effects, secrets }: JudgedOperation): Pick<OperationEvent, 'text' | 'parameters' | 'effects'> {
    const { text, parameters } = operation;
    const described = this.#describe(effects);
    return (
      this.#parts.shown?.of({ text, parameters, effects: described, secrets: secrets ?? null }) ?? {
        text,
        parameters,
        effects: described,
      }
    );
  }

  #shownText(text: string): string {
    return this.#parts.shown?.text(text) ?? text;
  }

  #takeShadow(): Pick<DecisionEvent, 'shadow'> {
    const shadow = this.#shadow;
    if (shadow === undefined) return noShadow;
    this.#shadow = undefined;
    return { shadow };
  }

  #allow(
    op: number,
    text: string,
    policies: readonly string[],
    message = '',
    approvals: readonly string[] = none,
  ): Allowed {
    const { recorder, now } = this.#parts;
    const { basis } = this;
    recorder.append({
      type: 'decision',
      at: now(),
      op,
      verdict: 'allow',
      policies,
      message,
      policyVersion: basis.policyVersion,
      request: null,
      ...this.#takeShadow(),
    });
    return { verdict: 'allow', permit: mintPermit(op, text, basis, approvals) };
  }

  #deny(op: number, policies: readonly string[], error: SluiceError, request: string | null = null): Denied {
    const { recorder, now, observer } = this.#parts;
    recorder.append({
      type: 'decision',
      at: now(),
      op,
      verdict: 'deny',
      policies,
      message: this.#shownText(error.message),
      policyVersion: this.policyVersion,
      request,
      ...this.#takeShadow(),
    });
    observer.refused?.(error);
    return { verdict: 'deny', op, error };
  }

  #hold(
    op: number,
    subject: JudgedOperation,
    decision: Extract<Decision, { verdict: 'hold' }>,
  ): Denied | Allowed | Held {
    const { approvals, recorder, now, target, origin, observer } = this.#parts;
    const { operation, asked = { ...operation, secrets: subject.secrets ?? null } } = subject;
    const about = {
      principal: this.#parts.principal(),
      target: target.name,
      text: asked.text,
      parameters: operation.parameters,
      effects: this.#describe(subject.effects),
      context: subject.context?.() ?? none,
      objects: subject.objects ?? none,
      place: this.#parts.place,
    };
    const spare = this.#spareRequest;
    if (spare !== null) {
      this.#spareRequest = null;
      return this.#spend(op, subject, spare, about);
    }
    let request: ApprovalRequest;
    try {
      requireReason(decision, origin, target.name);
      request = approvals.open({
        ...about,
        secrets: asked.secrets ?? null,
        reuseMs: decision.reuseMs,
        approvals: decision.approvals,
        policies: decision.policies,
        message: decision.message,
        reason: origin.reason,
        client: { application: this.#parts.application, address: origin.address, via: origin.via },
        // A request that nobody waits for outlives its session: it is run later with `exec --request`.
        session: origin.waitForApproval ? recorder.session : null,
      });
    } catch (error) {
      return this.#deny(op, decision.policies, asRefusal(error));
    }
    // An approval of the very same stands: nobody is asked again, and policy has the last word as ever.
    if (request.state === 'approved') return this.#spend(op, subject, request.id, about);
    recorder.append({
      type: 'decision',
      at: now(),
      op,
      verdict: 'hold',
      policies: decision.policies,
      message: decision.message,
      policyVersion: this.policyVersion,
      request: request.id,
      ...this.#takeShadow(),
    });
    observer.held?.(request);
    if (!origin.waitForApproval) return { verdict: 'deny', op, error: pendingError(request, target.name) };
    return { verdict: 'hold', op, request, decided: (signal) => this.#wait(op, subject, request, about, signal) };
  }

  async #wait(
    op: number,
    subject: JudgedOperation,
    request: ApprovalRequest,
    about: Parameters<Approvals['consume']>[1],
    signal: AbortSignal,
  ): Promise<Allowed | Denied> {
    const { approvals } = this.#parts;
    const cancelled = (): void => {
      try {
        approvals.cancel(request.id, 'gateway', withdrawnWords(signal.reason));
      } catch {
        // It was decided in the same moment: whatever was decided, nobody is left to use it.
      }
    };
    try {
      await approvals.settled(request.id, signal);
    } catch (error) {
      cancelled();
      this.#recordApproval(op, approvals.get(request.id));
      throw error;
    }
    if (signal.aborted) {
      cancelled();
      throw signal.reason;
    }
    return this.#spend(op, subject, request.id, about);
  }

  /** Uses an approval once and asks policy again with it: Cedar has the last word. */
  #spend(
    op: number,
    subject: JudgedOperation,
    id: string,
    about: Parameters<Approvals['consume']>[1],
  ): Allowed | Denied {
    const { approvals, runs } = this.#parts;
    try {
      const groups = approvals.consume(id, about);
      runs.spent(op, id);
      this.#recordApproval(op, approvals.get(id));
      const lacking = this.#lackingNow(subject.effects, approvals.get(id));
      const decision = this.#decide(subject.effects, groups);
      if (decision.verdict === 'allow' && lacking.length === 0) {
        this.#parts.observer.allowed?.(subject.effects.every(isReadOnly));
        return this.#allow(op, subject.operation.text, decision.policies, '', groups);
      }
      const error =
        decision.verdict === 'deny' ? deniedError(decision, this.#parts.target.name) : approvedTooLittle(lacking);
      runs.refused(op, error.message);
      return this.#deny(op, decision.policies, error, id);
    } catch (error) {
      this.#recordApproval(op, approvals.get(id));
      return this.#deny(op, none, asRefusal(error), id);
    }
  }

  /** Cedar is told which groups have approved; how many of each it takes is for the votes to show, as policy and voters are now. */
  #lackingNow(effects: readonly Effect[], request: ApprovalRequest | null): readonly RequiredApproval[] {
    const asked = this.#parts.policies().decide(this.#question(effects, none));
    const votes = request === null ? [] : this.#parts.approvals.votesNow(request);
    return asked.verdict === 'hold' ? lackingNow(asked.approvals, votes) : [];
  }

  #recordApproval(op: number, request: ApprovalRequest | null): void {
    const { recorder, now } = this.#parts;
    const event = request === null ? null : approvalEvent(op, now(), request);
    if (event !== null) recorder.append(event);
  }
}
