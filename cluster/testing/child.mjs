// A child for the supervisor's tests. Its first argument says how it behaves.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

const [behaviour, file] = process.argv.slice(2);
const tell = (message) => new Promise((resolve) => process.send(message, resolve));

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.type === 'stop' && behaviour !== 'stubborn') process.exit(0);
});
process.on('SIGTERM', () => {});

console.log(`begins as ${behaviour}`);
switch (behaviour) {
  case 'dies':
    process.exit(7);
    break;
  case 'dies-once':
    if (!existsSync(file)) {
      writeFileSync(file, '');
      process.exit(7);
    }
    await tell({ type: 'ready', detail: 'second life' });
    break;
  case 'refuses':
    await tell({ type: 'refused', message: 'the port is taken', hint: 'choose another' });
    process.exit(1);
    break;
  case 'lacks':
    await tell({ type: 'lacking', message: 'no store', hint: 'start it' });
    process.exit(1);
    break;
  case 'lacks-later': {
    // Ready in its first life and its third.
    appendFileSync(file, '.');
    const life = readFileSync(file).length;
    await tell(life === 2 ? { type: 'lacking', message: 'no store' } : { type: 'ready', detail: life });
    if (life < 3) process.exit(1);
    break;
  }
  default:
    await tell({ type: 'ready', detail: behaviour });
}
