import { z } from 'zod';
import type { Notice } from './notice.js';

/** What a template may name. Nothing else of an event can be had, and nothing is computed. */
export const variables = [
  ...['gateway', 'event', 'at', 'severity', 'user', 'target', 'summary', 'effects', 'policies', 'statement'],
  ...['request_id', 'session_id', 'op', 'look', 'link'],
] as const;
const known: ReadonlySet<string> = new Set(variables);
const maxTemplate = 4_000;

const named = /\{([^{}\n]*)\}/g;

/** A text with `{variables}`; one that names anything else is refused when the gateway starts. */
export const templateSchema = z
  .string()
  .min(1)
  .max(maxTemplate)
  .superRefine((text, context) => {
    for (const [, name = ''] of text.matchAll(named))
      if (!known.has(name))
        context.addIssue({ code: 'custom', message: `{${name}} is no variable; there are: ${variables.join(', ')}` });
  });

/** A URL with `{variables}`, each escaped as a part of it. */
export const linkSchema = templateSchema.refine(
  (text) => /^https?:\/\/[^\s{}]+/.test(text),
  'a link is an http(s) URL',
);

export type Values = Readonly<Record<string, string>>;

/** The values of a notice, by the names that templates use. */
export function valuesOf(notice: Notice, gateway: string): Values {
  return {
    ...{ gateway, event: notice.event, at: notice.at, severity: notice.severity, summary: notice.summary },
    ...{ user: notice.user ?? '', target: notice.target ?? '', statement: notice.statement ?? '' },
    ...{ effects: notice.effects.join(', '), policies: notice.policies.join(', ') },
    ...{ request_id: notice.request_id ?? '', session_id: notice.session_id ?? '' },
    ...{ op: notice.op === null ? '' : String(notice.op), look: notice.look ?? '', link: notice.link ?? '' },
  };
}

/**
 * Fills a template in one pass, so that a value is never read as one. A line that has variables and got nothing from any
 * of them is left out.
 */
export function fill(template: string, values: Values, escape: (value: string) => string): string {
  return template
    .split('\n')
    .flatMap((line) => {
      let isEmpty = /\{[^{}\n]*\}/.test(line);
      const filled = line.replace(named, (_whole, name: string) => {
        const value = Object.hasOwn(values, name) ? (values[name] ?? '') : '';
        if (value !== '') isEmpty = false;
        return escape(value);
      });
      return isEmpty ? [] : [filled];
    })
    .join('\n');
}

/** The link of a notice; null where one of its variables has no value, since it would lead nowhere. */
export function linkOf(template: string | null, values: Values): string | null {
  if (template === null) return null;
  const names = [...template.matchAll(named)].map(([, name = '']) => name);
  if (names.some((name) => (values[name] ?? '') === '')) return null;
  return fill(template, values, encodeURIComponent);
}

/** One line without control characters: names come from outside. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ').trim();
}
