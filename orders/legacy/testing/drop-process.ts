// A process that runs a file drop, for tests that kill it: captures by asking a server of the test.
//   node drop-process.js <in> <out> <format> <url>
import { HoldfastError } from '../../../protocol/client/index.ts';
import { runFileDrop } from '../drop.ts';
import { locate } from './orders.ts';

const [, , folder = '', out = '', format = '', url = ''] = process.argv;

await runFileDrop(
  {
    in: folder,
    out,
    format: format === 'x12' ? 'x12' : 'csv',
    locate,
    partners: ['ZZ.PARTNER'],
    settleMs: 1,
    scanMs: 1,
  },
  {
    async capture(order) {
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify(order) }).catch((error: unknown) => {
        throw new HoldfastError('UNAVAILABLE', String(error), { retriable: true });
      });
      const body = (await answer.json()) as {
        replayed: boolean;
        code?: 'BAD_REQUEST' | 'UNAVAILABLE';
        retriable?: boolean;
      };
      if (body.code !== undefined) throw new HoldfastError(body.code, 'no', { retriable: body.retriable === true });
      return { replayed: body.replayed };
    },
  },
);
