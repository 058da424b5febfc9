// A feed's document on a server, asked for with conditions: what has not changed is not sent again.
import { DOCUMENT_BYTES_MAX, HTTP_BACKOFF_POLLS_MAX, HTTP_POLL_MS_DEFAULT, HTTP_TIMEOUT_MS } from './limits.ts';
import { LeftAlone, pollSource, type Reader, type Source } from './source.ts';

export interface HttpSourceOptions {
  readonly url: string;
  readonly token?: string;
  readonly pollMs?: number;
  readonly timeoutMs?: number;
}

export function httpSource<D>(options: HttpSourceOptions, read: Reader<D>): Promise<Source<D>> {
  const { url, token, pollMs = HTTP_POLL_MS_DEFAULT, timeoutMs = HTTP_TIMEOUT_MS } = options;
  let conditions: Record<string, string> = {};
  return pollSource(
    async (signal) => {
      const headers = { ...conditions, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
      const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(url, { headers, redirect: 'manual', signal: until });
      if (response.status !== 200) await response.body?.cancel();
      if (response.status === 304) return undefined;
      if (response.status !== 200) {
        const seconds = Number(response.headers.get('retry-after') ?? 0);
        throw new LeftAlone(`${url} answered ${response.status}`, seconds > 0 ? seconds * 1_000 : 0);
      }
      const text = await textOf(response);
      const [etag, modified] = [response.headers.get('etag'), response.headers.get('last-modified')];
      conditions = {
        ...(etag === null ? {} : { 'if-none-match': etag }),
        ...(modified === null ? {} : { 'if-modified-since': modified }),
      };
      return text;
    },
    read,
    { pollMs, backoffPollsMax: HTTP_BACKOFF_POLLS_MAX },
  );
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > DOCUMENT_BYTES_MAX) {
      await response.body?.cancel().catch(() => undefined);
      throw new Error(`the document is longer than ${DOCUMENT_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
