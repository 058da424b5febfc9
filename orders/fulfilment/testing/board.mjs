// The queues of `holdfast orders --redis URL` as BullMQ users know them: bull-board, for development. `npm run board -- redis://…`
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Queue } from 'bullmq';
import express from 'express';

const url = process.argv[2] ?? 'redis://127.0.0.1:6379';
const port = Number(process.argv[3] ?? 7490);
const kinds = ['source', 'release', 'pick', 'pack', 'book', 'track', 'notify', 'stock', 'refund', 'settle', 'replan'];

const queues = [
  ...kinds.map((kind) => new Queue(`tasks-${kind}`, { connection: { url }, prefix: 'holdfast' })),
  new Queue('holdfast-orders', { connection: { url } }),
];
const serverAdapter = new ExpressAdapter();
createBullBoard({ queues: queues.map((queue) => new BullMQAdapter(queue)), serverAdapter });
const app = express();
app.use('/', serverAdapter.getRouter());
app.listen(port, '127.0.0.1', () => console.log(`the queues in ${url}: http://127.0.0.1:${port}`));
