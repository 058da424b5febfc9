// A feed's document as a file. It is looked at again and again, since network shares announce no changes.
import { open } from 'node:fs/promises';
import { DOCUMENT_BYTES_MAX, FILE_POLL_MS_DEFAULT } from './limits.ts';
import { pollSource, type Reader, type Source } from './source.ts';

export interface FileSourceOptions {
  readonly path: string;
  readonly pollMs?: number;
  readonly onFailure?: (failure: string) => void;
}

export function fileSource<D>(
  { path, pollMs = FILE_POLL_MS_DEFAULT, onFailure }: FileSourceOptions,
  read: Reader<D>,
): Promise<Source<D>> {
  let seen = '';
  return pollSource(
    async () => {
      const file = await open(path, 'r');
      try {
        const { size, mtimeMs, ctimeMs, ino } = await file.stat();
        // A copy may have the time of what it is a copy of; when it was made it cannot hide.
        const identity = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
        if (identity === seen) return undefined;
        if (size > DOCUMENT_BYTES_MAX) throw new Error(`${path} is longer than ${DOCUMENT_BYTES_MAX} bytes`);
        const text = await file.readFile('utf8');
        // Also of one that cannot be read: it is not read again until it changes.
        seen = identity;
        return text;
      } finally {
        await file.close();
      }
    },
    read,
    { pollMs, backoffPollsMax: 1, ...(onFailure === undefined ? {} : { onFailure }) },
  );
}
