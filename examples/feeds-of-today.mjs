// Feeds as they come from outside, with the dates of today: older ones would not count. The figures are made up.
//   node examples/feeds-of-today.mjs           writes feeds/wti-weekly.csv, feeds/capacity.json and feeds/weather.csv
//   npx holdfast source examples/sourcing/order.json --rules examples/sourcing/rules.json --fuel-prices feeds/wti-weekly.csv
import { mkdirSync, writeFileSync } from 'node:fs';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const now = Date.now();
const dateOf = (time) => new Date(time).toISOString().slice(0, 10);
const daysFromNow = (days) => dateOf(now + days * DAY_MS);

mkdirSync('feeds', { recursive: true });

// Weekly, of Fridays, as the EIA has them: USD a barrel. A price counts from the end of its day.
const daysSinceFriday = ((new Date(now).getUTCDay() + 1) % 7) + 1;
const prices = [69.4, 70.15, 70.9, 71.2].map((price, n) => `${daysFromNow(7 * (n - 3) - daysSinceFriday)},${price}`);
writeFileSync('feeds/wti-weekly.csv', `Date,Price\n${prices.join('\n')}\n`);

// Packages that ship nodes can hand over on each of the next days.
const perDay = { 'newark-dc': 900, 'atlanta-dc': 600, 'boston-store': 25 };
const nodes = Object.entries(perDay).flatMap(([node, packages]) =>
  Array.from({ length: 8 }, (_, day) => ({ node, date: daysFromNow(day), packages })),
);
writeFileSync('feeds/capacity.json', `${JSON.stringify({ asOf: new Date(now).toISOString(), nodes }, null, 2)}\n`);

// Of the last hours at Newark airport: rain and gusts.
const hours = [2, 1, 0].map((ago) => {
  const hour = new Date(Math.floor(now / HOUR_MS - ago) * HOUR_MS).toISOString();
  return `EWR,${hour},44,22,38,0.15,4`;
});
writeFileSync('feeds/weather.csv', `origin,time_hour,temp,wind_speed,wind_gust,precip,visib\n${hours.join('\n')}\n`);

console.log(
  'feeds/wti-weekly.csv, feeds/capacity.json and feeds/weather.csv are of today, with figures that are made up',
);
