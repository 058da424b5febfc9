// The body of a request to a server of ours: within its bounds of bytes and time, or not at all.
import type { IncomingMessage } from 'node:http';
import { BODY_WITHIN_MS } from './limits.ts';

/** @returns undefined where it is longer, or does not come in time */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => request.destroy(), BODY_WITHIN_MS);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
