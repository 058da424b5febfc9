// The file drop on a real folder: what becomes of each file, and of one that is still written.
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastError } from '../../protocol/client/index.ts';
import type { OrderDocument } from '../../protocol/orders.ts';
import { type FileDropOptions, type FileDropPorts, runFileDrop } from './drop.ts';
import type { Advice } from './items.ts';
import { AT, csvOf, interchange850, locate, PARTNER, set850, US } from './testing/orders.ts';
import { readInterchanges } from './x12/envelope.ts';
import { write846 } from './x12/inventory-846.ts';

let root: string;
let into: string;
let out: string;
let captured: Map<string, string>;
let advised: Advice[];

/** Like the grid: the same order counts once, another of its id is refused. */
const capture = async (order: OrderDocument): Promise<{ replayed: boolean }> => {
  const before = captured.get(order.orderId);
  const body = JSON.stringify(order);
  if (before !== undefined && before !== body) throw new HoldfastError('IDEMPOTENCY_CONFLICT', 'another order');
  captured.set(order.orderId, body);
  return { replayed: before !== undefined };
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-drop-'));
  into = join(root, 'in');
  out = join(root, 'out');
  await mkdir(into);
  captured = new Map();
  advised = [];
});
afterEach(() => rm(root, { recursive: true }));

function drop(changes: Partial<FileDropOptions> = {}, ports: Partial<FileDropPorts> = {}) {
  return runFileDrop(
    { in: into, out, format: 'csv', locate, settleMs: 1, scanMs: 1, once: true, ...changes },
    { capture, ...ports },
  );
}

const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(join(into, folder))).map((name) => name.replace(/^[^-]*-\d+-\d+-/, ''));

describe('a file of CSV', () => {
  test('given good orders, then each is captured and the file is in done/', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `o-${n}`);
    await writeFile(join(into, 'orders.csv'), csvOf(ids));
    expect(await drop()).toMatchObject([{ outcome: 'done', captured: 200, replayed: 0, refused: 0 }]);
    expect([...captured.keys()].sort()).toEqual([...ids].sort());
    expect(await filesIn('done')).toEqual(['orders.csv']);
    expect(await filesIn('failed')).toEqual([]);
    expect(await readdir(join(into, 'work'))).toEqual([]);
  });

  test('given some bad rows, then the others are captured, and the errors stand beside the file in failed/', async () => {
    await writeFile(
      join(into, 'orders.csv'),
      'orderId,sku,qty,postalCode\nA,MUG,1,10007\nB,MUG,x,10007\nC,MUG,1,10007\n',
    );
    expect(await drop()).toMatchObject([{ outcome: 'failed', captured: 2, refused: 1 }]);
    expect(await filesIn('failed')).toEqual(['orders.csv', 'orders.csv.errors']);
    const [, errors = ''] = await readdir(join(into, 'failed'));
    expect(await readFile(join(into, 'failed', errors), 'utf8')).toBe(
      'row,field,order,reason,what to do\n3,qty,B,"cannot be ""x""",Give a whole number from 1 to 2147483647.\n',
    );
  });

  test('given it again, corrected, then what was captured is not captured twice', async () => {
    await writeFile(join(into, 'orders.csv'), csvOf(['A', 'B']));
    await drop();
    await writeFile(join(into, 'orders.csv'), csvOf(['A', 'B', 'C']));
    expect(await drop()).toMatchObject([{ captured: 1, replayed: 2 }]);
    expect(await filesIn('done')).toEqual(['orders.csv', 'orders.csv']);
  });

  test('given an order that the grid refuses, then it is an error of its row', async () => {
    await writeFile(join(into, 'orders.csv'), csvOf(['A']));
    await drop();
    await writeFile(join(into, 'orders.csv'), csvOf(['A', 'B']).replace('A,MUG,2', 'A,MUG,3'));
    expect(await drop()).toMatchObject([{ captured: 1, refused: 1 }]);
    const [, errors = ''] = await readdir(join(into, 'failed'));
    expect(await readFile(join(into, 'failed', errors), 'utf8')).toMatch(/^2,,A,IDEMPOTENCY_CONFLICT/m);
  });

  test('given a grid that is away for a while, then it waits for it', async () => {
    let calls = 0;
    await writeFile(join(into, 'orders.csv'), csvOf(['A']));
    const flaky: FileDropPorts['capture'] = (order) => {
      calls += 1;
      if (calls === 1) throw new HoldfastError('UNAVAILABLE', 'away', { retriable: true, retryAfterMs: 1 });
      return capture(order);
    };
    expect(await drop({}, { capture: flaky })).toMatchObject([{ captured: 1, refused: 0 }]);
  });

  test('given one that cannot be read beyond a row, then whole orders before it are captured, and the file is in failed/', async () => {
    await writeFile(join(into, 'orders.csv'), `${csvOf(['A', 'B'])}C,"MUG,1,10007\n`);
    expect(await drop()).toMatchObject([{ outcome: 'failed', captured: 1 }]);
    expect([...captured.keys()]).toEqual(['A']);
    expect(await filesIn('failed')).toEqual(['orders.csv', 'orders.csv.errors']);
    const [, errors = ''] = await readdir(join(into, 'failed'));
    const told = await readFile(join(into, 'failed', errors), 'utf8');
    expect(told).toMatch(/^4,orderId,B,.*is not captured/m);
  });

  test.each([new TypeError('a defect'), new HoldfastError('UNAUTHENTICATED', 'a wrong token')])(
    'given what is true of every row (%s), then the drop ends, and the file stays claimed',
    async (error) => {
      await writeFile(join(into, 'orders.csv'), csvOf(['A']));
      const broken = async () => {
        throw error;
      };
      await expect(drop({}, { capture: broken })).rejects.toThrow(error.message);
      expect(await drop()).toMatchObject([{ captured: 1 }]);
    },
  );
});

describe('a file that is still written', () => {
  test('given one that grows, then it is left alone until it rests', async () => {
    const path = join(into, 'orders.csv');
    await writeFile(path, csvOf(['A']));
    const ends = new AbortController();
    const running = drop(
      { once: false, settleMs: 1_200, scanMs: 5, signal: ends.signal },
      {
        capture: async (order) => {
          if (order.orderId === 'LAST') ends.abort();
          return capture(order);
        },
      },
    );
    for (let n = 0; n < 10; n += 1) {
      await appendFile(path, `B-${n},MUG,1,10007\n`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(captured.size).toBe(0);
    }
    await appendFile(path, 'LAST,MUG,1,10007\n');
    await running;
    expect(captured.size).toBe(12);
  });

  test('given names of files that are written, or of others, then they are left alone', async () => {
    for (const name of ['.orders.csv', 'orders.csv.part', 'orders.tmp', 'notes.txt'])
      await writeFile(join(into, name), csvOf(['A']));
    await mkdir(join(into, 'folder.csv'));
    expect(await drop()).toEqual([]);
    expect((await readdir(into)).length).toBe(8);
  });

  test('given one that changes while it is read, then it says so', async () => {
    const path = join(into, 'orders.csv');
    await writeFile(path, csvOf(['A']));
    const results = await drop(
      {},
      {
        capture: async (order) => {
          const [owner = ''] = await readdir(join(into, 'work'));
          const [claim = ''] = await readdir(join(into, 'work', owner));
          await appendFile(join(into, 'work', owner, claim, 'input'), 'B,MUG,1,10007\n');
          return capture(order);
        },
      },
    );
    expect(results).toMatchObject([{ outcome: 'failed', captured: 1 }]);
    const [, errors = ''] = await readdir(join(into, 'failed'));
    expect(await readFile(join(into, 'failed', errors), 'utf8')).toMatch(/the file changed while it was read/);
  });
});

describe('a file of X12', () => {
  test('given orders, one of them bad, then the good are captured, and a 997 says which', async () => {
    await writeFile(join(into, 'a.x12'), interchange850([set850('A'), set850('B', [['MUG', '0']]), set850('C')]));
    expect(await drop({ format: 'x12' })).toMatchObject([{ outcome: 'failed', captured: 2, refused: 1 }]);
    const names = (await readdir(out)).filter((name) => !name.startsWith('.'));
    expect(names).toEqual(['997-000000001.x12']);
    const [answer] = readInterchanges(await readFile(join(out, names[0] ?? ''), 'utf8'));
    expect(answer).toMatchObject({ sender: US, receiver: PARTNER, control: '000000001' });
    expect(answer?.groups[0]?.sets[0]?.segments.at(-1)).toMatchObject({ tag: 'AK9', elements: ['P', '3', '3', '2'] });
  });

  test('given counts, then each is taken where somebody takes them', async () => {
    const text = write846([{ node: 'newark', sku: 'MUG', onHand: 5, availableToSell: 4 }], {
      sender: PARTNER,
      receiver: US,
      control: 1,
      at: 0,
      test: false,
    });
    await writeFile(join(into, 'a.846'), text);
    const advise = async (advice: Advice) => {
      advised.push(advice);
    };
    expect(await drop({ format: 'x12' }, { advise })).toMatchObject([{ outcome: 'done', advised: 1 }]);
    expect(advised).toEqual([{ node: 'newark', sku: 'MUG', onHand: 5 }]);
    await writeFile(join(into, 'a.846'), text);
    expect(await drop({ format: 'x12' })).toMatchObject([{ outcome: 'failed', refused: 1 }]);
  });

  const countsOf = (onHand: number, changes: { at?: number; text?: (text: string) => string } = {}): string => {
    const { at = AT, text = (one: string) => one } = changes;
    const position = { node: 'newark', sku: 'MUG', onHand, availableToSell: 0 };
    return text(write846([position], { sender: PARTNER, receiver: US, control: 1, at, test: false }));
  };
  const advise = async (advice: Advice) => {
    advised.push(advice);
  };
  const countedFrom = async (text: string) => {
    await writeFile(join(into, 'a.846'), text);
    return drop({ format: 'x12' }, { advise });
  };

  test('given a count that comes after a newer one, then the newer one stays, and the row says so', async () => {
    const hour = 3_600_000;
    expect(await countedFrom(countsOf(5))).toMatchObject([{ outcome: 'done', advised: 1 }]);
    expect(await countedFrom(countsOf(9, { at: AT - hour }))).toMatchObject([
      { outcome: 'failed', advised: 0, refused: 1 },
    ]);
    expect(await countedFrom(countsOf(7, { at: AT + hour }))).toMatchObject([{ outcome: 'done', advised: 1 }]);
    expect(advised.map(({ onHand }) => onHand)).toEqual([5, 7]);
    const errors = (await readdir(join(into, 'failed'))).find((name) => name.endsWith('.errors')) ?? '';
    expect(await readFile(join(into, 'failed', errors), 'utf8')).toMatch(
      /^6,BIA04,,"MUG at newark was counted 2026-11-24T11:00:00.000Z, and a count of 2026-11-24T12:00:00.000Z was taken/m,
    );
  });

  test('given a file of counts under another name, then they count once; a correction of the same minute counts', async () => {
    await countedFrom(countsOf(5));
    await writeFile(join(into, 'b.846'), countsOf(5));
    expect(await drop({ format: 'x12' }, { advise })).toMatchObject([{ outcome: 'done', advised: 0, replayed: 1 }]);
    expect(await countedFrom(countsOf(6))).toMatchObject([{ advised: 1 }]);
    expect(advised.map(({ onHand }) => onHand)).toEqual([5, 6]);
  });

  test('given counts that a process had that is gone, then the next one counts, and of one that lives it waits', async () => {
    const held = join(into, '.counts', 'lock');
    await mkdir(join(held, `${hostname()}.999999999.1`), { recursive: true });
    expect(await countedFrom(countsOf(5))).toMatchObject([{ advised: 1 }]);
    await mkdir(join(held, 'elsewhere.1.1'), { recursive: true });
    const ends = new AbortController();
    await writeFile(join(into, 'a.846'), countsOf(7, { at: AT + 60_000 }));
    const waiting = drop({ format: 'x12', once: false, signal: ends.signal }, { advise });
    await new Promise((resolve) => setTimeout(resolve, 100));
    ends.abort();
    expect(await waiting).toEqual([]);
    expect(advised).toHaveLength(1);
    await rm(held, { recursive: true });
    expect(await drop({ format: 'x12' }, { advise })).toMatchObject([{ advised: 1 }]);
    expect(advised).toHaveLength(2);
  });

  test('given a note of counts that was cut off, then those before it hold', async () => {
    await countedFrom(countsOf(5));
    await appendFile(join(into, '.counts', 'log'), '["newark MUG",99');
    expect(await countedFrom(countsOf(9, { at: AT - 60_000 }))).toMatchObject([{ advised: 0, refused: 1 }]);
    expect(await countedFrom(countsOf(6, { at: AT + 60_000 }))).toMatchObject([{ advised: 1 }]);
  });

  test('given an order with a day that is not kept to, then it is captured, and a file beside it says so', async () => {
    const text = interchange850([set850('A')]).replace('DTM*002*20261130', 'DTM*037*20991201');
    await writeFile(join(into, 'a.x12'), text);
    const log: string[] = [];
    const [result] = await drop({ format: 'x12', partners: ['ZZ.PARTNER'], log: (line) => log.push(line) });
    expect(result).toMatchObject({ outcome: 'done', captured: 1, remarked: true });
    expect(await filesIn('done')).toEqual(['a.x12', 'a.x12.remarks']);
    expect(log.join()).toMatch(/what was not kept to: \S+a\.x12\.remarks$/);
    const [, remarks = ''] = await readdir(join(into, 'done'));
    expect(await readFile(join(into, 'done', remarks), 'utf8')).toMatch(
      /^row,field,order,reason,what to do\n7,DTM02,A,"not to be shipped before 2099-12-01/,
    );
  });

  test('given half an interchange, then it waits for the rest, and in the end takes nothing', async () => {
    const text = interchange850([set850('A')]);
    await writeFile(join(into, 'a.x12'), text.slice(0, -40));
    expect(await drop({ format: 'x12' })).toMatchObject([{ outcome: 'failed', captured: 0 }]);
    expect(captured.size).toBe(0);
    expect((await readdir(out)).filter((name) => name.startsWith('997'))).toEqual([]);
  });
});

test('given claims of a process of this host that is gone, then they are taken over; of others they are left', async () => {
  const gone = join(into, 'work', `${hostname()}.999999999.1`, '20261124T120000.000Z-1-1-orders.csv');
  const elsewhere = join(into, 'work', 'elsewhere.1.1', '20261124T120000.000Z-1-1-orders.csv');
  for (const [claim, id] of [
    [gone, 'A'],
    [elsewhere, 'B'],
  ] as const) {
    await mkdir(claim, { recursive: true });
    await writeFile(join(claim, 'input'), csvOf([id]));
  }
  expect(await drop()).toMatchObject([{ captured: 1 }]);
  expect([...captured.keys()]).toEqual(['A']);
  expect(await readdir(join(into, 'work'))).toEqual(['elsewhere.1.1']);
});

test('given a crash between errors and the cursor, then each error stands once', async () => {
  const claim = join(into, 'work', `${hostname()}.999999999.1`, '20261124T120000.000Z-1-1-orders.csv');
  await mkdir(claim, { recursive: true });
  await writeFile(join(claim, 'input'), 'orderId,sku,qty,postalCode\nA,MUG,x,10007\nB,MUG,y,10007\n');
  const before = 'row,field,order,reason,what to do\n2,qty,A,once,do\n';
  await writeFile(join(claim, 'errors'), `${before}3,qty,B,twice,do\n`);
  const cursor = { items: 1, captured: 0, replayed: 0, advised: 0, refused: 1, errorBytes: before.length };
  await writeFile(join(claim, 'cursor'), JSON.stringify(cursor));
  expect(await drop()).toMatchObject([{ outcome: 'failed', refused: 2 }]);
  const [, errors = ''] = await readdir(join(into, 'failed'));
  const rows = (await readFile(join(into, 'failed', errors), 'utf8')).split('\n');
  expect(rows.map((row) => row.slice(0, 8))).toEqual(['row,fiel', '2,qty,A,', '3,qty,B,', '']);
});
