// A bare byte relay: what any Node proxy costs before it does anything. `client` and `server` give its TLS sides.
// argv: JSON { listen: {tls?: {cert, key}}, to: {port, tls?: {ca}} }; prints its port.
import net from 'node:net';
import tls from 'node:tls';

const { listen, to } = JSON.parse(process.argv[2]);
const dial = () =>
  to.tls
    ? tls.connect({ port: to.port, host: '127.0.0.1', ca: to.tls.ca, servername: 'localhost' })
    : net.connect(to.port, '127.0.0.1');
const serve = (near) => {
  near.setNoDelay(true);
  const far = dial();
  far.setNoDelay(true);
  near.pipe(far).pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
};
const server = listen.tls ? tls.createServer(listen.tls, serve) : net.createServer(serve);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
