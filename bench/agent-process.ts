import { readFileSync } from 'node:fs';
import { listenOnPort } from '../src/agent/stable-ports.js';
import { serveTunnel } from '../src/agent/tunnel.js';
import { SluiceClient } from '../src/client/api.js';
import { Transport } from '../src/client/transport.js';

interface Given {
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
}

/** The local agent's half of a tunnel in a process of its own, over TLS to the gateway. stdin: JSON, see `Given`. */
const { url, token, caFile } = JSON.parse(readFileSync(0, 'utf8')) as Given;
const client = new SluiceClient({
  gateway: url,
  transport: new Transport({ caFile, proxy: null }),
  tokens: { get: () => Promise.resolve(token), renew: () => Promise.resolve(null) },
});
const { port, password } = await serveTunnel({
  target: 'bench',
  listen: (server) => listenOnPort(server, 0),
  dial: (passwordVerifier, signal) => client.openTunnel('bench', { passwordVerifier, reason: null }, signal),
});
process.stdout.write(`${JSON.stringify({ port, password })}\n`);
