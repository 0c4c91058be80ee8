/** A login, as far as it tells which person stands behind it. */
export interface Login {
  /** `${issuer}#${subject}` */
  readonly id: string;
  readonly name: string;
  /** Other names of the same person: e-mail, other accounts, who acts for them. */
  readonly aliases?: readonly string[] | undefined;
}

/**
 * Two logins are one person when they share any name: a second account, the same subject or e-mail at another issuer, or
 * a machine that acts for someone, is no second pair of eyes. Two strangers who share a subject by chance are taken for
 * one as well: that costs a reviewer, the other way round it would cost the promise.
 */
export function isSamePerson(a: Login, b: Login): boolean {
  const names = namesOf(a);
  for (const name of namesOf(b)) if (names.has(name)) return true;
  return false;
}

/** A login with the person for whom it acts, if it is a machine's. */
export interface Actor extends Pick<Login, 'id'> {
  readonly onBehalfOf?: Pick<Login, 'id'>;
}

/** The same login for the same person: what is a machine's for one person is not its for another, nor its own. */
export function isSameActor(a: Actor, b: Actor): boolean {
  return a.id === b.id && a.onBehalfOf?.id === b.onBehalfOf?.id;
}

function namesOf({ id, name, aliases = [] }: Login): ReadonlySet<string> {
  const subject = id.includes('#') ? id.slice(id.indexOf('#') + 1) : id;
  return new Set([id, subject, name, ...aliases].map(fold).filter((known) => known !== ''));
}

function fold(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}
