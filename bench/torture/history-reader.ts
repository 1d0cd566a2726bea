/** Whole timelines over HTTP, as a client would read them who trusts nothing it has. */
import type { CrashEntry } from './crash-record.ts';

const PAGE = 1_000;

/** By user, oldest first. Rejects when a page can't be had. */
export async function readTimelines(router: string, users: string[]): Promise<Map<string, CrashEntry[]>> {
  const timelines = new Map<string, CrashEntry[]>();
  for (const user of users) timelines.set(user, await readTimeline(router, user));
  return timelines;
}

async function readTimeline(router: string, user: string): Promise<CrashEntry[]> {
  const { url } = (await (await fetch(`${router}/v1/route?user=${user}`)).json()) as { url: string };
  const base = url.replace('ws://', 'http://');
  const entries: CrashEntry[] = [];
  for (;;) {
    const after = entries.at(-1)?.seq ?? 0;
    const response = await fetch(`${base}/v1/timeline?user=${user}&after=${after}&limit=${PAGE}`);
    if (!response.ok)
      throw new Error(`the timeline of ${user} can't be read: ${response.status} ${await response.text()}`);
    const page = ((await response.json()) as { entries: CrashEntry[] }).entries;
    for (const entry of page) entries.push({ ...entry, group: entry.group ?? '', groupSeq: entry.groupSeq ?? 0 });
    if (page.length < PAGE) return entries;
  }
}
