// Stock in and out of a real grid by `import` and `export`, and what `status` and `audit` say of it.
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePortPair, holdfast, startBothRegions } from './support/cli.ts';
import { type RunningGrid, temporaryDirectory } from './support/grid.ts';
import { connectWire, type Json, type WireClient } from './support/wire.ts';

let root: { path: string; remove: () => Promise<void> };
let grid: RunningGrid;
let client: WireClient;
let at: string[];

beforeAll(async () => {
  root = await temporaryDirectory();
  grid = await startBothRegions(join(root.path, 'data'));
  client = await connectWire(grid.url);
  at = ['--port', String(grid.port)];
});
afterAll(async () => {
  client?.close();
  await grid?.end('SIGTERM');
  await root?.remove();
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root.path, name);
  await writeFile(path, content);
  return path;
}

function get(sku: string): Promise<Json> {
  return client.call({ op: 'get', sku, region: 'eu-west' });
}

describe('holdfast import', () => {
  test('given counts and settings, then they are there; the same file again changes nothing; --recount applies it again', async () => {
    const stock = await file(
      'stock.csv',
      'sku,region,node,onHand,safetyStock,backorderLimit,limitPerOwner,channelBuffers\n' +
        'IMP-1,eu-west,n1,100,5,2,3,web=10;pos=2\nIMP-1,eu-west,n2,50,,,,\nIMP-2,us-east,n1,7,,,,\n',
    );

    const first = await holdfast('import', stock, ...at);

    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('3 rows in') });
    expect(first.stdout).toContain('3 applied, 0 already imported, 0 failed');
    expect(await get('IMP-1')).toMatchObject({
      onHand: 150,
      nodes: [
        { node: 'n1', onHand: 100, safetyStock: 5, backorderLimit: 2 },
        { node: 'n2', onHand: 50 },
      ],
      channelBuffers: { web: 10, pos: 2 },
      limitPerOwner: 3,
    });

    await client.call({
      op: 'adjust',
      sku: 'IMP-1',
      region: 'eu-west',
      node: 'n1',
      delta: -40,
      reason: 'test',
      requestId: 'd1',
    });
    const second = await holdfast('import', stock, ...at);
    expect(second.stdout).toContain('0 applied, 3 already imported, 0 failed');
    expect(second.stdout).toContain('--recount');
    expect(await get('IMP-1')).toMatchObject({ onHand: 110 });

    const third = await holdfast('import', stock, '--recount', '--json', ...at);
    expect(JSON.parse(third.stdout)).toMatchObject({ rows: 3, applied: 3, replayed: 0, failed: 0 });
    expect(await get('IMP-1')).toMatchObject({ onHand: 150 });
  });

  test('given a count below what is promised, then live reservations stay and the shortfall is reported', async () => {
    await holdfast(
      'import',
      await file('a.ndjson', '{"sku":"IMP-3","region":"eu-west","node":"n1","onHand":10}'),
      ...at,
    );
    const reserved = await client.call({ op: 'reserve', sku: 'IMP-3', region: 'eu-west', qty: 8, requestId: 'r1' });

    const result = await holdfast(
      'import',
      await file('b.ndjson', '{"sku":"IMP-3","region":"eu-west","node":"n1","onHand":3}'),
      ...at,
    );

    expect(result.stdout).toContain('1 count below what is promised');
    expect(await get('IMP-3')).toMatchObject({ onHand: 8, reserved: 8, nodes: [{ shortfall: 5 }] });
    await client.call({ op: 'release', reservationId: reserved.reservationId, requestId: 'r2' });
    expect(await get('IMP-3')).toMatchObject({ onHand: 3, reserved: 0 });
  });

  test('given bad rows among good ones, then the good ones are applied, each bad one is listed with its line, and it ends with 1', async () => {
    const bad = await file(
      'bad.csv.gz',
      gzipSync(
        'sku,region,node,onHand\nIMP-4,eu-west,n1,1\nIMP-4,eu-west,n1,2\nIMP-5,mars,n1,1\nIMP-6,eu-west,n1,-1\nIMP-7,eu-west,n1,7\n',
      ),
    );

    const result = await holdfast('import', bad, ...at);

    expect(result.code).toBe(1);
    expect(result.stdout).toContain('5 rows in');
    expect(result.stdout).toContain('2 applied, 0 already imported, 3 failed');
    expect(result.stderr.trim().split('\n')).toEqual([
      'line 3 (IMP-4): repeats line 2: one row for each sku, region and node',
      'line 4 (IMP-5): no worker of region mars is connected; the regions are eu-west, us-east',
      'line 5: onHand must be a whole number from 0 to 2147483647, not "-1"',
    ]);
    expect(await get('IMP-7')).toMatchObject({ onHand: 7 });
  });

  test('given more bad rows than one wants to read, then ten are listed and the others counted by reason', async () => {
    const rows = Array.from({ length: 15 }, (_, n) => `IMP-MANY-${n},eu-west,n1,-${n + 1}\n`).join('');

    const result = await holdfast('import', await file('many.csv', `sku,region,node,onHand\n${rows}`), ...at);

    expect(result).toMatchObject({ code: 1, stdout: expect.stringContaining('15 failed') });
    expect(result.stderr.trim().split('\n').slice(9)).toEqual([
      expect.stringMatching(/^line 11: /),
      '… and 5 more rows failed (--json lists them):',
      '  5 times: onHand must be a whole number from N to N, not "…"',
    ]);
  });

  test('given --strict, then nothing after the first bad row is applied', async () => {
    const bad = await file('strict.csv', 'sku,region,node,onHand\nIMP-8,eu-west,n1,x\nIMP-9,eu-west,n1,1\n');

    const result = await holdfast('import', bad, '--strict', '--json', ...at);

    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject({ applied: 0, failed: 1, failures: [{ line: 2 }] });
    expect(await get('IMP-9')).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('given a file with a header alone, then it says so and ends with 1', async () => {
    const result = await holdfast('import', await file('empty.csv', 'sku,region,node,onHand\n'), ...at);

    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('has no rows of data') });
  });

  test('given no grid, then it says how to start one', async () => {
    const result = await holdfast(
      'import',
      await file('c.csv', 'sku,region,node,onHand\nA,eu-west,n1,1\n'),
      '--url',
      '127.0.0.1:1',
    );

    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/no grid answers at http:\/\/127.0.0.1:1 .*\n.*npx holdfast start/);
  });
});

describe('what listens is no grid', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  async function listening(made: Server): Promise<string> {
    server = made;
    made.listen(0, '127.0.0.1');
    await once(made, 'listening');
    return String((made.address() as AddressInfo).port);
  }

  test.each(['status', 'export'])(
    'given one that closes each connection without a word, then %s says so and ends with 1',
    async (command) => {
      const url = await listening(createServer((socket) => socket.destroy()));

      const result = await holdfast(command, '--url', url);

      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain(`no grid answers at http://127.0.0.1:${url} (it closed the connection)`);
    },
  );

  test.each(['status', 'export'])('given one that answers HTTP 404, then %s says so at once', async (command) => {
    const url = await listening(
      createHttpServer((_, response) => {
        response.writeHead(404).end('<html>no such page</html>');
      }),
    );

    const result = await holdfast(command, '--url', url);

    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(`something else than a holdfast grid listens at http://127.0.0.1:${url}`);
  });

  test('given one that speaks no HTTP, then the reason is in plain words', async () => {
    const url = await listening(createServer((socket) => socket.end('-ERR unknown command\r\n')));

    const result = await holdfast('status', '--url', url);

    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('does not speak HTTP') });
  });
});

describe('holdfast export', () => {
  test.each(['ndjson', 'csv'])(
    'given all positions as %s, then an empty grid that imports them exports the same',
    async (format) => {
      await holdfast(
        'import',
        await file(
          'x.csv',
          'sku,region,node,onHand,channelBuffers\nEXP-1,eu-west,n1,5,"{""a,b"":1,""c=d"":2,""Магазин"":3}"\n商品-ß,eu-west,größe,7,\n',
        ),
        ...at,
      );
      const before = join(root.path, `before.${format}`);
      const exported = await holdfast('export', '--format', format, '--out', before, '--json', ...at);
      expect(exported.code).toBe(0);
      const { positions } = JSON.parse(exported.stdout) as { positions: number };
      expect(positions).toBeGreaterThan(4);

      const other = await startBothRegions(join(root.path, `other-${format}`));
      try {
        const otherAt = ['--port', String(other.port)];
        const imported = await holdfast('import', before, '--json', ...otherAt);
        expect(JSON.parse(imported.stdout)).toMatchObject({ rows: positions, applied: positions, failed: 0 });
        const after = join(root.path, `after.${format}`);
        await holdfast('export', '--format', format, '--out', after, ...otherAt);

        const lines = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).split('\n').sort();
        expect(await lines(after)).toEqual(await lines(before));
      } finally {
        await other.end('SIGTERM');
      }
    },
  );

  test('given one region, then only its rows, on stdout', async () => {
    const { stdout, stderr } = await holdfast('export', '--region', 'us-east', ...at);

    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { region: string });
    expect(new Set(rows.map((row) => row.region))).toEqual(new Set(['us-east']));
    expect(stderr).toMatch(/1 position exported/);
  });

  test('given a region that is not there, then it is refused with the regions that are', async () => {
    expect(await holdfast('export', '--region', 'mars', ...at)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The regions are eu-west, us-east'),
    });
  });
});

describe('holdfast status', () => {
  test('given a grid, then a table of its regions, and the same as JSON', async () => {
    const text = await holdfast('status', ...at);
    const json = await holdfast('status', '--json', ...at);

    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^eu-west +yes +fsync +lmdb +\d+ +128 /m);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ready: true,
      workers: [{ info: { region: 'eu-west' } }, { info: { region: 'us-east' } }],
    });
  });

  test('given one region that does not answer, then it is named and the exit code is 1', async () => {
    const result = await holdfast('status', '--url', String(grid.port), '--url', '127.0.0.1:1');

    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/^eu-west +yes/m);
    expect(result.stdout).toContain('http://127.0.0.1:1 does not answer: ');
  });

  test('given no grid at all, then it says how to start one', async () => {
    const result = await holdfast('status', '--port', String(await freePortPair()));

    expect(result.code).toBe(1);
    expect(result.stderr).toContain('npx holdfast start');
  });
});

describe('holdfast audit', () => {
  test('given a grid that works on meanwhile, then journal and grid agree', async () => {
    let working = true;
    const work = (async () => {
      for (let i = 0; working; i++) {
        await client.call({
          op: 'adjust',
          sku: `AUD-${i % 7}`,
          region: 'eu-west',
          node: 'n1',
          delta: 5,
          reason: 'w',
          requestId: `w${i}`,
        });
        await client.call({
          op: 'reserve',
          sku: `AUD-${i % 7}`,
          region: 'eu-west',
          qty: 1,
          ttlMs: 1_000,
          requestId: `v${i}`,
        });
      }
    })();
    try {
      const result = await holdfast('audit', '--data-dir', join(root.path, 'data'), '--json', ...at);

      expect(JSON.parse(result.stdout)).toMatchObject({
        ok: true,
        regions: [
          { region: 'eu-west', differencesTotal: 0 },
          { region: 'us-east', differencesTotal: 0 },
        ],
      });
      expect(result.code).toBe(0);
    } finally {
      working = false;
      await work;
    }
  });

  test('given the journal of another grid, then it says that it is another rather than compare, and the exit code is 2', async () => {
    const otherData = join(root.path, 'other-audit');
    const other = await startBothRegions(otherData);
    try {
      const only = await file('only.csv', 'sku,region,node,onHand\nIMP-1,eu-west,n1,1\nONLY-THERE,eu-west,n1,1\n');
      await holdfast('import', only, '--port', String(other.port));
    } finally {
      await other.end('SIGTERM');
    }

    const result = await holdfast('audit', '--data-dir', otherData, ...at);

    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(`the journal in lmdb:${otherData} is not the one the grid at http://127.0.0.1:`);
    expect(result.stderr).toMatch(/--data-dir or --store/);

    const offline = await holdfast('audit', '--offline', '--data-dir', otherData, '--region', 'eu-west');
    expect(offline).toMatchObject({ code: 0, stdout: expect.stringMatching(/eu-west +whole .* offline$/m) });
  });

  test('given a directory without a journal, then it says where to point', async () => {
    const result = await holdfast('audit', '--offline', '--data-dir', join(root.path, 'nothing'));

    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('--data-dir or --store') });
  });
});
