// A flash sale: 2,000 buyers want one console each, 100 are there. Exactly 100 get one, whatever happens.
//   npm start                                  in one terminal
//   node examples/flash-sale.mjs               in another
import { connect, HoldfastError } from 'holdfast/client';

const BUYERS = 2_000;
const sku = 'FLASH-CONSOLE-01';
const url = process.argv[2] ?? 'ws://127.0.0.1:7400';
const grid = await connect({ url, token: process.env.HOLDFAST_TOKEN, timeoutMs: 5_000, inFlightMax: 1_024 }).catch(
  (error) => {
    const isRefused = error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN';
    const why = isRefused ? 'set HOLDFAST_TOKEN to its token' : 'run npm start in another terminal first';
    console.error(`${isRefused ? 'the grid refuses' : 'no grid answers'} at ${url}: ${why} (${error.message})`);
    process.exit(1);
  },
);

// What a product page would show: pushes of the latest figure, never going backward.
let shown = 'nothing yet';
const subscription = await grid.subscribe({ sku }, ({ availableToSell }) => {
  shown = `${availableToSell} left`;
});
const before = await grid.get({ sku });

// Everyone presses the button at once. Calls beyond the limit in flight wait for their turn.
const startedAt = performance.now();
const outcomes = await Promise.all(
  Array.from({ length: BUYERS }, (_, n) =>
    grid.reserve({ sku, qty: 1, owner: `buyer-${n}`, ttlMs: 60_000 }).catch((error) => {
      if (error instanceof HoldfastError && error.code === 'INSUFFICIENT_STOCK') return undefined;
      throw error;
    }),
  ),
);
const elapsedMs = Math.round(performance.now() - startedAt);
const won = outcomes.filter((outcome) => outcome !== undefined);

console.log(`${before.availableToSell} available, ${BUYERS} buyers: ${won.length} reserved one in ${elapsedMs} ms`);
const after = await grid.get({ sku });
console.log(`the page shows: ${shown}; the grid says: ${after.availableToSell} left, ${after.reserved} reserved`);

// One who paid keeps theirs; the others put theirs back, in one frame.
const [first, ...others] = won;
if (first !== undefined) await grid.commit({ reservationId: first.reservationId, orderId: 'order-flash-1' });
const released = await grid.batch(others.map(({ reservationId }) => ({ op: 'release', reservationId })));
console.log(`${released.filter(({ ok }) => ok).length} released, 1 sold`);

await subscription.unsubscribe();
await grid.close();
