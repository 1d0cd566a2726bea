/** What all processes of this machine together use of its CPU, and what the hypervisor keeps from it. */
import { readFileSync } from 'node:fs';
import type { GaugeRow } from '../recorder/samples.ts';

/** Since the machine started, in ticks of no matter what length. */
interface CpuTicks {
  cores: number;
  total: number;
  /** Neither idle nor waiting for a disk. */
  used: number;
  /** Ready to run while another virtual machine had the core; is in `used` as well. */
  stolen: number;
}

export class MachineCpu {
  #read: () => string;
  #last: CpuTicks | null;

  /** `read`: the text of /proc/stat. */
  constructor(read: () => string = () => readFileSync('/proc/stat', 'utf8')) {
    this.#read = read;
    this.#last = this.#ticks();
  }

  /** Cores in use and stolen since the last call; none where the kernel does not tell (not Linux). */
  gauges(atMs: number): GaugeRow[] {
    const before = this.#last;
    const now = this.#ticks();
    this.#last = now;
    if (before === null || now === null || now.total <= before.total) return [];
    const cores = (of: 'used' | 'stolen') => (now.cores * (now[of] - before[of])) / (now.total - before.total);
    return [
      { atMs, source: 'machine', metric: 'machine_cpu', value: cores('used') },
      { atMs, source: 'machine', metric: 'machine_stolen_cpu', value: cores('stolen') },
    ];
  }

  #ticks(): CpuTicks | null {
    try {
      return parseCpuTicks(this.#read());
    } catch {
      return null;
    }
  }
}

/** proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice already. */
export function parseCpuTicks(text: string): CpuTicks | null {
  const line = /^cpu +([\d ]+)$/m.exec(text);
  if (line === null) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, stolen = 0] = line[1]!
    .split(' ')
    .map(Number);
  const used = user + nice + system + irq + softirq + stolen;
  return { cores: text.match(/^cpu\d+ /gm)?.length ?? 1, total: used + idle + iowait, used, stolen };
}
