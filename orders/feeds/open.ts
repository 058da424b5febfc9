// A feed by its address: a server where it is a URL, else a file.
import { fileSource } from './file-source.ts';
import { httpSource } from './http-source.ts';
import type { Reader, Source } from './source.ts';

/** Looked at once when it resolves; how that went is in its status. */
export function openFeed<D>(address: string, read: Reader<D>): Promise<Source<D>> {
  return /^https?:\/\//.test(address) ? httpSource({ url: address }, read) : fileSource({ path: address }, read);
}
