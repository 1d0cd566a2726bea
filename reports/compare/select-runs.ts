/** Which runs a side of a comparison means. Pure. */
import type { RunListing } from '../results/results-store.ts';

/** One sentence that says what is wrong and what to do. */
export class SelectionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectionError';
  }
}

/** A set of which there are fewer runs than were asked for. */
export interface ShortSet {
  name: string;
  asked: number;
  found: number;
}

/**
 * Run ids of `text`, newest first where it names a set:
 * - `nightly~5`: the newest five runs of that name (fewer if there are no more: `onShort` hears of it);
 * - `tag:commit=abc`: every run with that tag;
 * - `x,y,z`: these, each of them any of the forms;
 * - else one run as elsewhere: an id or its beginning, a name (its newest run), `latest`.
 * A run whose id or name is the whole text comes before any of these. `runs` newest first; `place` for the message.
 * @throws SelectionError
 */
export function selectRuns(
  text: string,
  runs: readonly RunListing[],
  place: string,
  onShort: (set: ShortSet) => void = () => {},
): string[] {
  const own = oneRun(text, runs, place);
  if (own !== null) return [own];
  if (text.includes(',')) {
    const parts = text.split(',');
    if (parts.some((part) => part.trim() === ''))
      throw new SelectionError(`"${text}" has an empty part: write run ids or names with one comma between`);
    return [...new Set(parts.flatMap((part) => selectRuns(part.trim(), runs, place, onShort)))];
  }
  const tag = /^tag:([^=]+)=(.*)$/s.exec(text);
  if (tag !== null) {
    const found = runs.filter(({ tags }) => tags[tag[1]!] === tag[2]);
    if (found.length === 0)
      throw new SelectionError(`No run in ${place} has the tag ${tag[1]}=${tag[2]}: 'plimsoll runs' shows tags.`);
    return found.map(({ runId }) => runId);
  }
  const newest = /^(.+)~(\d+)$/s.exec(text);
  if (newest !== null) {
    const found = runs.filter(({ name }) => name === newest[1]).slice(0, Number(newest[2]));
    if (found.length > 0) {
      const asked = Number(newest[2]);
      if (found.length < asked) onShort({ name: newest[1]!, asked, found: found.length });
      return found.map(({ runId }) => runId);
    }
    throw new SelectionError(
      Number(newest[2]) === 0
        ? `"${text}" asks for no run: write ${newest[1]}~3 for the newest three of that name`
        : `No run in ${place} has the name "${newest[1]}": 'plimsoll runs' lists them.`,
    );
  }
  throw new SelectionError(
    `No run in ${place} has the id or name ${JSON.stringify(text)}: 'plimsoll runs' lists them; a set is written name~5, tag:key=value or x,y,z.`,
  );
}

function oneRun(text: string, runs: readonly RunListing[], place: string): string | null {
  if (text === '') return null;
  if (text === 'latest') return runs[0]?.runId ?? null;
  const exact = runs.find(({ runId }) => runId === text);
  if (exact !== undefined) return exact.runId;
  const begun = runs.filter(({ runId }) => runId.startsWith(text));
  if (begun.length === 1) return begun[0]!.runId;
  const named = runs.find(({ name }) => name === text);
  if (named !== undefined) return named.runId;
  if (begun.length > 1) {
    const shown = begun.slice(0, 3).map(({ runId }) => runId);
    const more = begun.length > shown.length ? ` and ${begun.length - shown.length} more` : '';
    throw new SelectionError(
      `${JSON.stringify(text)} is the beginning of ${shown.join(', ')}${more} in ${place}: give more of the run id.`,
    );
  }
  return null;
}
