import { SluiceError } from '../lib/errors.js';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "90s", "10m", "1h30m", "500ms" → milliseconds. A bare number is refused: its unit would be a guess. */
export function parseDuration(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d{1,9})(ms|[smhd])/gy)];
  const whole = parts.map((part) => part[0]).join('');
  if (parts.length === 0 || whole !== text)
    throw new SluiceError('usage', `${flag} expects a duration such as 90s, 10m or 1h, not "${text}".`);
  return parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs[part[2] ?? ''] ?? 0), 0);
}

/** 5,400,000 ms → "1h30m": as it is typed. */
export function durationText(ms: number): string {
  let left = Math.max(0, Math.floor(ms / 1000)) * 1000;
  const parts = (['d', 'h', 'm', 's'] as const).map((unit) => {
    const size = unitMs[unit] ?? 1;
    const count = Math.floor(left / size);
    left -= count * size;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join('') || '0s';
}

/** 41 s → "0:41", 3,661 s → "1:01:01". */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
