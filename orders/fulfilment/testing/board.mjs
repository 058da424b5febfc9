// The queues of `holdfast orders --redis URL` as BullMQ users know them: bull-board, for development. `npm run board -- redis://… [PORT]`
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';

const url = process.argv[2] ?? 'redis://127.0.0.1:6379';
const port = Number(process.argv[3] ?? 7480);
const kinds = ['source', 'release', 'pick', 'pack', 'book', 'track', 'notify', 'stock', 'refund', 'settle', 'replan'];

function giveUp(why) {
  console.error(why);
  process.exit(1);
}

const connection = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: () => null });
let reason;
connection.on('error', (error) => {
  reason = error;
});
await connection.connect().catch((error) => giveUp(`no Redis answers at ${url} (${(reason ?? error).message})`));
connection.on('end', () => giveUp(`Redis at ${url} is gone (${reason?.message ?? 'it closed the connection'})`));

const queues = [
  ...kinds.map((kind) => new Queue(`tasks-${kind}`, { connection, prefix: 'holdfast' })),
  new Queue('holdfast-orders', { connection }),
];
for (const queue of queues) queue.on('error', () => undefined);
const serverAdapter = new ExpressAdapter();
createBullBoard({ queues: queues.map((queue) => new BullMQAdapter(queue)), serverAdapter });
const app = express();
app.use('/', serverAdapter.getRouter());
// Express hands what is wrong with the port to the same callback.
app.listen(port, '127.0.0.1', (error) => {
  if (error !== undefined) giveUp(`it cannot listen on port ${port} (${error.message}): npm run board -- ${url} PORT`);
  console.log(`the queues in ${url}: http://127.0.0.1:${port}`);
});
