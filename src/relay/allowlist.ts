import { BlockList, isIP } from 'node:net';
import { SluiceError } from '../lib/errors.js';
import type { Wanted } from './frames.js';

interface Rule {
  readonly text: string;
  readonly permits: (wanted: Wanted) => boolean;
}

/** What a relay may connect to and run, as its own operator wrote it. Whatever no line names is refused. */
export interface Allowlist {
  readonly lines: readonly string[];
  permits(wanted: Wanted): boolean;
}

/**
 * HOST:PORT lines, and absolute paths of programs. HOST is a name, `*.NAME` for names one label longer, an address or a
 * network; PORT a port, FIRST-LAST or `*`.
 */
export function readAllowlist(lines: readonly string[]): Allowlist {
  const rules = lines.map((line) => (line.trim().startsWith('/') ? programRule(line.trim()) : hostRule(line)));
  return {
    lines: rules.map(({ text }) => text),
    permits: (wanted) => rules.some((rule) => rule.permits(wanted)),
  };
}

function programRule(text: string): Rule {
  const isPlain = !/[\p{C}*?]/u.test(text) && !text.split('/').some((part) => part === '.' || part === '..');
  if (!isPlain || text.endsWith('/')) throw wrong(text);
  return { text, permits: (wanted) => 'program' in wanted && wanted.program === text };
}

/** The lines of an allowlist's file: one each, `#` begins a comment. */
export function allowlistLines(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '');
}

function hostRule(text: string): Rule {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:]+)):(?<ports>\*|\d{1,5}(?:-\d{1,5})?)$/.exec(text.trim());
  const host = match?.groups?.['six'] ?? match?.groups?.['host'];
  const ports = match?.groups?.['ports'];
  if (host === undefined || ports === undefined) throw wrong(text);
  const [first, last = first] = ports === '*' ? ['1', '65535'] : ports.split('-');
  const firstPort = Number(first);
  const lastPort = Number(last);
  if (firstPort < 1 || lastPort > 65_535 || firstPort > lastPort) throw wrong(text);
  const matchesHost = hostMatcher(host, text);
  return {
    text: text.trim(),
    permits: (wanted) =>
      'host' in wanted && wanted.port >= firstPort && wanted.port <= lastPort && matchesHost(normalHost(wanted.host)),
  };
}

function hostMatcher(host: string, text: string): (host: string) => boolean {
  const [address = '', prefix, ...more] = host.split('/');
  const version = isIP(address);
  if (version !== 0 && more.length === 0) {
    const most = version === 4 ? 32 : 128;
    const bits = Number(prefix ?? most);
    if (!/^\d{1,3}$/.test(prefix ?? '0') || bits > most) throw wrong(text);
    const network = new BlockList();
    network.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
    // A name that is no address is in no network, whatever it resolves to: the list says what may be asked for.
    return (asked) => isIP(asked) !== 0 && network.check(asked, isIP(asked) === 4 ? 'ipv4' : 'ipv6');
  }
  const name = normalHost(host);
  const isName = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?$/.test(name);
  if (!isName || /^[0-9.]+$/.test(name)) throw wrong(text);
  if (!name.startsWith('*.')) return (asked) => asked === name;
  const suffix = name.slice(1);
  return (asked) =>
    asked.endsWith(suffix) && asked.length > suffix.length && !asked.slice(0, -suffix.length).includes('.');
}

function normalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function wrong(text: string): SluiceError {
  return new SluiceError('usage', `${JSON.stringify(text)} does not say what the relay may connect to or run`, {
    decider: 'local',
    next: [
      {
        command: "sluice relay NAME --allow 'db.internal:5432' --allow '*.internal:22'",
        when: 'for one host or several',
      },
      { command: 'sluice relay NAME --allow /usr/bin/psql', when: 'for a program that it may run' },
    ],
  });
}
