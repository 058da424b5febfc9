// Both drivers of the port of sources over one set of tests, and what each does alone.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileSource } from './file-source.ts';
import { httpSource } from './http-source.ts';
import { FeedMalformed } from './reading.ts';
import type { Source } from './source.ts';

const NEVER_MS = 1_000_000;

const reader = (text: string): string => {
  if (text.startsWith('bad')) throw new FeedMalformed('it is bad');
  return text.toUpperCase();
};

interface Subject {
  open(pollMs?: number): Promise<Source<string>>;
  put(text: string): Promise<void>;
  take(): Promise<void>;
}

function sourceConformance(subject: () => Subject): void {
  let source: Source<string>;
  afterEach(() => source.close());

  test('given a document, then it is read; the same again is not, another is', async () => {
    await subject().put('one');
    source = await subject().open();
    expect(source.document).toBe('ONE');
    await source.refresh();
    expect(source.status).toEqual({ loads: 1, unchanged: 1, failures: 0 });
    await subject().put('another');
    await source.refresh();
    expect(source.document).toBe('ANOTHER');
    expect(source.status).toEqual({ loads: 2, unchanged: 1, failures: 0 });
  });

  test('given one that cannot be read, then the one before stays, and it says why, until a good one comes', async () => {
    await subject().put('one');
    source = await subject().open();
    await subject().put('bad, bad');
    await source.refresh();
    expect(source.document).toBe('ONE');
    expect(source.status).toMatchObject({ failures: 1, failure: 'it is bad' });
    await subject().put('good now');
    await source.refresh();
    expect(source.document).toBe('GOOD NOW');
    expect(source.status.failure).toBeUndefined();
  });

  test('given nothing there, then there is no document, and then one', async () => {
    await subject().take();
    source = await subject().open();
    expect(source.document).toBeUndefined();
    expect(source.status.failures).toBe(1);
    await subject().put('one');
    await source.refresh();
    expect(source.document).toBe('ONE');
  });

  test('given time, then it looks by itself', async () => {
    await subject().put('one');
    source = await subject().open(2);
    await subject().put('two two');
    while (source.document !== 'TWO TWO') await new Promise((resolve) => setTimeout(resolve, 2));
  });

  test('given more than a document can be, then it is refused', async () => {
    await subject().put('x'.repeat(33 * 1024 * 1024));
    source = await subject().open();
    expect(source.document).toBeUndefined();
    expect(source.status.failure).toMatch(/longer than/);
  });
}

describe('a file', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-feed-'));
    path = join(directory, 'feed.csv');
  });
  afterEach(() => rm(directory, { recursive: true }));

  sourceConformance(() => ({
    open: (pollMs = NEVER_MS) => fileSource({ path, pollMs }, reader),
    put: (text) => writeFile(path, text),
    take: () => rm(path, { force: true }),
  }));
});

describe('a server', () => {
  let server: Server;
  let url: string;
  let text: string | undefined;
  let conditional: number;
  let answer: ((response: ServerResponse) => void) | undefined;

  beforeEach(async () => {
    text = undefined;
    conditional = 0;
    answer = undefined;
    server = createServer((request, response) => {
      if (answer !== undefined) {
        answer(response);
        return;
      }
      const etag = `"${text?.length}-${text?.slice(0, 10)}"`;
      if (text === undefined) response.writeHead(404).end();
      else if (request.headers['if-none-match'] === etag) {
        conditional += 1;
        response.writeHead(304).end();
      } else response.writeHead(200, { etag }).end(text);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  sourceConformance(() => ({
    open: (pollMs = NEVER_MS) => httpSource({ url, pollMs }, reader),
    put: async (given) => {
      text = given;
    },
    take: async () => {
      text = undefined;
    },
  }));

  test('given one that knows conditions, then what has not changed is not sent again', async () => {
    text = 'one';
    const source = await httpSource({ url, pollMs: NEVER_MS }, reader);
    await source.refresh();
    expect(conditional).toBe(1);
    source.close();
  });

  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['is silent', () => undefined, /timeout|aborted/i],
    ['stops half-way', (response) => response.writeHead(200).write('half'), /timeout|aborted/i],
    ['resets', (response) => response.destroy(), /fetch failed|terminated|other side/i],
    ['fails', (response) => response.writeHead(500).end(), /answered 500/],
    ['sends elsewhere', (response) => response.writeHead(302, { location: '/x' }).end(), /answered 302/],
  ])('given one that %s, then the document stays, and it says so', async (_, misbehave, failure) => {
    text = 'one';
    const source = await httpSource(
      { url, pollMs: NEVER_MS, timeoutMs: failure.source.includes('aborted') ? 300 : 15_000 },
      reader,
    );
    answer = misbehave;
    await source.refresh();
    expect(source.document).toBe('ONE');
    expect(source.status.failure).toMatch(failure);
    source.close();
  });
});
