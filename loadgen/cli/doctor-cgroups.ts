/** Memory and CPU limits of the control group that a process is in, version 1 or 2; the tightest along its path counts. */

export interface CgroupLimits {
  memoryBytes: number | null;
  cores: number | null;
}

/**
 * @param self text of /proc/self/cgroup.
 * @param read a file's text, or undefined where there is none.
 */
export function parseCgroups(self: string, read: (path: string) => string | undefined): CgroupLimits {
  const limits: CgroupLimits = { memoryBytes: null, cores: null };
  for (const line of self.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const isUnified = controllers === '';
    for (const folder of foldersUp(path)) {
      if (isUnified) {
        lower(limits, 'memoryBytes', bytes(read(`/sys/fs/cgroup${folder}/memory.max`)));
        const [quota, period] = read(`/sys/fs/cgroup${folder}/cpu.max`)?.trim().split(' ') ?? [];
        lower(limits, 'cores', Number(quota) / Number(period));
      }
      if (controllers.split(',').includes('memory')) {
        lower(limits, 'memoryBytes', bytes(read(`/sys/fs/cgroup/memory${folder}/memory.limit_in_bytes`)));
      }
      if (controllers.split(',').includes('cpu')) {
        const quota = Number(read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`) ?? Number.NaN);
        lower(limits, 'cores', quota / Number(read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`)));
      }
    }
  }
  return limits;
}

/** `/a/b` → `/a/b`, `/a`, and the root. */
function foldersUp(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`).concat('');
}

/** `max` and version 1's "no limit" (a number near 2^63) are no limit. */
function bytes(text: string | undefined): number {
  const value = Number(text?.trim() || Number.NaN);
  return value < 2 ** 60 ? value : Number.NaN;
}

function lower(limits: CgroupLimits, key: keyof CgroupLimits, value: number): void {
  if (value > 0 && Number.isFinite(value)) limits[key] = Math.min(limits[key] ?? value, value);
}
