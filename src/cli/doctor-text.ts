import type { Check, DoctorReport } from './doctor.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

const signs = { ok: ['✓', 'green'], warning: ['!', 'yellow'], failed: ['✗', 'red'], skipped: ['–', 'dim'] } as const;

/** The report as lines: what is wrong, what to do, and at the end the SQL that would confine the gateway's roles. */
export function doctorText(report: DoctorReport, out: Output): string {
  const width = Math.max(...report.checks.map(({ name }) => name.length));
  const lines = report.checks.flatMap((check) => linesOf(check, width, out));
  const sql = report.checks.flatMap(({ hardening = [] }) => hardening);
  return [
    ...lines,
    ...(sql.length === 0 ? [] : ['', '-- For the database’s owner; read before running:', ...sql.map(plain)]),
    '',
  ].join('\n');
}

function linesOf({ name, state, message, fix }: Check, width: number, out: Output): readonly string[] {
  const [sign, color] = signs[state];
  return [
    `${out.paint(color, sign)} ${plain(name).padEnd(width)}  ${plain(message)}`,
    ...fix.map(({ command, when }) => `  ${' '.repeat(width)}  ${plain(command)}${when === '' ? '' : `   ${when}`}`),
  ];
}
