/** Whose fault a socket's error is. */
import { DriverError } from './target-driver.ts';

/** Errors that mean that this machine has run out of something. */
const GENERATOR_ERRORS: Record<string, string> = {
  EMFILE: 'this process has no file descriptor left: raise `ulimit -n` or use more agents',
  ENFILE: 'this machine has no file descriptor left: raise fs.file-max',
  EADDRNOTAVAIL:
    'this machine has no local port left towards the target: widen net.ipv4.ip_local_port_range or use more target addresses',
  EAGAIN: 'this machine has no local port or no memory left for a connection',
  ENOBUFS: 'this machine has no socket memory left',
  ENOMEM: 'this machine has no memory left for a socket',
};

/** What a socket reported, as a DriverError of the side at fault. `where` begins the sentence, when it is the server's. */
export function socketError(error: NodeJS.ErrnoException, where: string): DriverError {
  const own = GENERATOR_ERRORS[error.code ?? ''];
  if (own !== undefined) return new DriverError('generator', `${own} (${error.code})`, { cause: error });
  return new DriverError('server', `${where} (${error.code ?? error.message})`, { cause: error });
}
