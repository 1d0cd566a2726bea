/**
 * What connecting is compared with: a uWebSockets.js server that accepts WebSockets, nothing else. Started by `fork`; says
 * on which port it listens, and ends with its parent. All addresses: clients spread over those of loopback.
 */
import uws from 'uWebSockets.js';

export type FromBareServer = { type: 'listening'; port: number };

uws
  .App()
  .ws('/*', { compression: uws.DISABLED })
  .listen('0.0.0.0', 0, (listening) => {
    if (!listening) throw new Error('the bare server found no port to listen on');
    process.send!({ type: 'listening', port: uws.us_socket_local_port(listening) } satisfies FromBareServer);
  });
process.on('disconnect', () => process.exit());
