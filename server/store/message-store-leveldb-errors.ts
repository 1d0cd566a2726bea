import { StoreError } from './message-store.ts';

/** What LevelDB or the file system reported, as a StoreError with one sentence: what is wrong, where, what to do. */
export function storeErrorOf(cause: unknown, directory: string): StoreError {
  if (cause instanceof StoreError) return cause;
  const error = innermostOf(cause);
  const detail = error.message;
  const code = kindOf(error.code ?? '', detail);
  return new StoreError(code, sentenceOf(code, directory, detail), { cause });
}

interface CodedError extends Error {
  code?: string;
}

/** abstract-level wraps what LevelDB said at opening as the cause of "Database failed to open". */
function innermostOf(cause: unknown): CodedError {
  if (!(cause instanceof Error)) return new Error(String(cause));
  return cause.cause instanceof Error ? innermostOf(cause.cause) : cause;
}

/** LevelDB has no error numbers, only the text of strerror; Node's own errors have the number's name as code. */
function kindOf(code: string, detail: string): StoreError['code'] {
  if (code === 'LEVEL_LOCKED') return 'locked';
  if (code === 'LEVEL_CORRUPTION') return 'corrupt';
  if (/ENOSPC|EDQUOT|EFBIG|No space left|quota exceeded|File too large/i.test(`${code} ${detail}`)) return 'full';
  if (/EACCES|EPERM|EROFS|Permission denied|Read-only|not permitted/i.test(`${code} ${detail}`)) return 'unwritable';
  return 'failed';
}

function sentenceOf(code: StoreError['code'], directory: string, detail: string): string {
  switch (code) {
    case 'locked':
      return `The data directory ${directory} is in use by another process: stop that one or choose another directory.`;
    case 'corrupt':
      return `The data in ${directory} is damaged (${detail}): restore it from a copy or start with another directory.`;
    case 'full':
      return `The disk of ${directory} is full (${detail}): free some space, and writing goes on by itself.`;
    case 'unwritable':
      return `The data directory ${directory} is not writable (${detail}): give this user the right to write there or choose another directory.`;
    case 'failed':
      return `The message store in ${directory} failed (${detail}): check the disk and the limit of open files.`;
  }
}
