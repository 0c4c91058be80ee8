let uptimeMs = 0;
let isRead = false;

/**
 * `performance.now()` as it was when first asked for in this turn of the event loop: what every message asks for many
 * times need not be read from the system each time. For ages and limits, not for measuring what one turn takes.
 */
export function turnUptime(): number {
  if (!isRead) {
    isRead = true;
    uptimeMs = performance.now();
    setImmediate(() => (isRead = false));
  }
  return uptimeMs;
}
