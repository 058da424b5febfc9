// Asks a Node process, over its inspector, to collect its garbage and to say what its memory is made of. RSS alone
// says as much about when the last collection was as about what is held.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const CALL_MS_MAX = 120_000;
/** After a collection the allocator gives pages back in the background. */
const SETTLE_MS = 2_000;
const COLLECTIONS = 3;

export interface MemoryFigures {
  /** Bytes resident; of these, private ones (heap, buffers) and pages of mapped files (the embedded store's cache). */
  readonly rss: number;
  readonly rssAnonymous: number;
  readonly rssFiles: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

/** @param url as the process prints it when it was started with --inspect */
export async function settledMemory(url: string, pid: number): Promise<MemoryFigures> {
  const inspector = await connect(url);
  try {
    for (let i = 0; i < COLLECTIONS; i++) await inspector.call('HeapProfiler.collectGarbage', {});
    await sleep(SETTLE_MS);
    const expression = 'JSON.stringify(process.memoryUsage())';
    const answer = (await inspector.call('Runtime.evaluate', { expression, returnByValue: true })) as {
      result: { value: string };
    };
    const usage = JSON.parse(answer.result.value) as NodeJS.MemoryUsage;
    const { heapUsed, heapTotal, external, arrayBuffers } = usage;
    return { ...residentOf(pid, usage.rss), heapUsed, heapTotal, external, arrayBuffers };
  } finally {
    inspector.close();
  }
}

/** The split is Linux's; elsewhere all of it counts as private. */
function residentOf(pid: number, rss: number): Pick<MemoryFigures, 'rss' | 'rssAnonymous' | 'rssFiles'> {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { rss: bytes('VmRSS'), rssAnonymous: bytes('RssAnon'), rssFiles: bytes('RssFile') + bytes('RssShmem') };
  } catch {
    return { rss, rssAnonymous: rss, rssFiles: 0 };
  }
}

interface Answer {
  /** Absent from events. */
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

async function connect(url: string) {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (answer: Answer) => void>();
  let nextId = 1;
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Answer;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return {
    call: (method: string, params: object): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), CALL_MS_MAX);
        waiting.set(id, ({ result, error }) => {
          clearTimeout(timer);
          waiting.delete(id);
          if (error === undefined) resolve(result);
          else reject(new Error(`${method}: ${error.message}`));
        });
        socket.send(JSON.stringify({ id, method, params }));
      }),
    close: () => socket.terminate(),
  };
}
