/** Entry point of a null server in a process of its own: says on which port it listens, counts when asked, ends with its parent. */
import { type NullServerCounts, startNullServer } from './null-server.ts';

export type FromNullServer = { type: 'listening'; port: number } | ({ type: 'counts' } & NullServerCounts);

// Signals of the terminal reach the whole group; the parent decides when this ends.
process.on('SIGINT', () => {});

const server = await startNullServer();
process.on('message', () => tell({ type: 'counts', ...server.counts() }));
process.on('disconnect', () => process.exit());
tell({ type: 'listening', port: server.port });

function tell(message: FromNullServer): void {
  // The parent may be ending this process: then nobody listens, and that is no error.
  if (process.connected) process.send!(message, () => {});
}
