// The first minute: reserve, commit, and what happens when the answer is "no".
//   npm start                                  in one terminal
//   node examples/first-reservation.mjs        in another
import { connect, HoldfastError } from 'holdfast/client';

const url = process.argv[2] ?? 'ws://127.0.0.1:7400';
const grid = await connect({ url, token: process.env.HOLDFAST_TOKEN, timeoutMs: 5_000 }).catch((error) => {
  const isRefused = error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN';
  const why = isRefused ? 'set HOLDFAST_TOKEN to its token' : 'run npm start in another terminal first';
  console.error(`${isRefused ? 'the grid refuses' : 'no grid answers'} at ${url}: ${why} (${error.message})`);
  process.exit(1);
});
const sku = 'MUG-STONEWARE-BLUE';
console.log(`connected to ${grid.region}: what it acknowledges survives (${grid.server.durability})`);

// Two mugs are set aside for ten seconds. The client made a requestId, so this is safe to send again and again.
const reservation = await grid.reserve({ sku, qty: 2, ttlMs: 10_000, owner: 'ada' });
console.log(`reserved ${reservation.qty} at ${reservation.node}, ${reservation.availableToSell} left to sell`);

// The customer paid: now they do not expire.
const { reservationId } = reservation;
await grid.commit({ reservationId, orderId: 'order-1' });
const { state, qty } = await grid.getReservation({ reservationId });
console.log(`${reservationId} is ${state}, ${qty} units`);

// A refusal is a typed error that says what to do next.
try {
  await grid.reserve({ sku, qty: 1_000_000 });
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

await grid.close();
