/**
 * The agent's end of a control channel in a process of its own, for the contract suite. It sends back whatever it is sent;
 * `finish` makes it hand over a burst of notices and end in order. It prints `gone` each time that it is told so.
 */
import type { CoordinatorLink, FromAgent } from './control-channel.ts';
import { ipcCoordinator } from './control-channel-ipc.ts';
import { natsCoordinator, type RemoteOrder } from './control-channel-nats.ts';

const BURST = 200;
const LINGER_MS = 300;

function serve(coordinator: CoordinatorLink): void {
  coordinator.onGone(() => {
    process.stdout.write('gone\n');
    setTimeout(() => process.exit(1), LINGER_MS);
  });
  coordinator.onMessage((message) => {
    if (message.type !== 'finish') {
      coordinator.send(message as unknown as FromAgent);
      return;
    }
    for (let i = 0; i < BURST; i++) coordinator.send({ type: 'notice', text: `${i}` });
    void coordinator.close().then(() => process.exit(0));
  });
  coordinator.send({ type: 'ready', version: '1', pid: process.pid, host: 'here', clockId: null });
}

if (process.argv[2] === 'nats') {
  process.once('message', (order) => {
    process.channel?.unref();
    void natsCoordinator(order as RemoteOrder).then(serve);
  });
} else serve(ipcCoordinator());
