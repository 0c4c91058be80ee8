import type { Duplex } from 'node:stream';
import type { SluiceError } from '../lib/errors.js';

/** Request codes that stand where a protocol version would (PostgreSQL 55.7). */
const cancelRequest = 80877102;
const sslRequest = 80877103;
const gssEncRequest = 80877104;
const maxStartupBytes = 10_000;
const startupLimitMs = 10_000;

/** SQLSTATE for what keeps the agent from reaching the target (PostgreSQL appendix A). */
function sqlStateOf(error: SluiceError): string {
  switch (error.code) {
    case 'gateway_unreachable':
    case 'unavailable':
    case 'timeout':
      return '57P03'; // cannot_connect_now
    case 'login_required':
      return '28000'; // invalid_authorization_specification
    case 'denied':
      return '42501'; // insufficient_privilege
    case 'not_found':
      return '3D000'; // invalid_catalog_name
    default:
      return '08006'; // connection_failure
  }
}

function messageFor(error: SluiceError): { readonly message: string; readonly hint: string | null } {
  const [next] = error.details.next ?? [];
  switch (sqlStateOf(error)) {
    case '57P03':
      return { message: `gateway unreachable: ${error.message}`, hint: 'sluice status --check' };
    case '28000':
      return { message: `${error.message}; run: ${next?.command ?? 'sluice login'}`, hint: null };
    default:
      return { message: error.message, hint: next?.command ?? null };
  }
}

/** What a client is told when its connection is lost: as of a server that ends it, which pools and drivers connect again for. */
export function encodeLost(target: string): Buffer {
  return encodeFields([
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', '57P01'], // admin_shutdown
    ['M', `the connection to ${target} was lost on the way to the gateway`],
    ['D', 'Whether a statement that was under way took effect is not known here.'],
    ['H', 'Run: sluice status --check; then connect again, to the same port.'],
  ]);
}

export function encodeFatal(error: SluiceError): Buffer {
  const { message, hint } = messageFor(error);
  return encodeFields([
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', sqlStateOf(error)],
    ['M', message],
    ...(hint === null ? [] : [['H', `Run: ${hint}`] as const]),
  ]);
}

/** ErrorResponse: Byte1('E') Int32(length) (Byte1(field) String(value))* Byte1(0). PostgreSQL 55.7. */
function encodeFields(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const body = Buffer.from(`${fields.map(([name, value]) => `${name}${value.replaceAll('\0', '')}\0`).join('')}\0`);
  const header = Buffer.alloc(5);
  header.write('E');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/**
 * Tells a PostgreSQL client why it is not connected. A client listens only after its startup message, so that is awaited,
 * and requests for encryption before it are declined; anything else is cut off.
 */
export async function refusePostgresClient(client: Duplex, error: SluiceError): Promise<void> {
  client.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  const timer = setTimeout(() => client.destroy(), startupLimitMs);
  if (await awaitStartup(client)) {
    client.end(encodeFatal(error));
    client.resume(); // unread bytes would turn our close into a reset, which can overtake the message
  } else client.destroy();
  if (!client.closed) await closed;
  clearTimeout(timer);
}

/** Reads Int32(length) Int32(code) … until a startup message is complete. False when the client is gone or no PostgreSQL. */
async function awaitStartup(client: Duplex): Promise<boolean> {
  let pending = Buffer.alloc(0);
  try {
    for await (const chunk of client.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 8) {
        const length = pending.readInt32BE(0);
        if (length < 8 || length > maxStartupBytes) return false;
        if (pending.length < length) break;
        const code = pending.readInt32BE(4);
        pending = pending.subarray(length);
        if (code === cancelRequest) return false; // gets no answer
        if (code !== sslRequest && code !== gssEncRequest) return true;
        client.write('N');
      }
    }
  } catch {
    return false;
  }
  return false;
}
