/** Commands that sentences name work as they stand: with the store that they are about. */
import { DEFAULT_RESULTS_URL, parseResultsUrl } from './results-store-open.ts';

/**
 * ` --results …` to write behind a command, without user and password; nothing for the default store.
 * @param place a results URL, or a store's name in messages (a directory of an embedded one)
 */
export function resultsFlag(place: string): string {
  const url = /^(chdb:|https?:)/.test(place) ? place : `chdb:${place}`;
  const shown = withoutUser(url);
  return shown === withoutUser(DEFAULT_RESULTS_URL) ? '' : ` --results ${shown}`;
}

function withoutUser(url: string): string {
  const place = parseResultsUrl(url);
  return place.kind === 'chdb' ? `chdb:${place.directory}` : `${place.origin}/${place.database}`;
}
