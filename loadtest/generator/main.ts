// The generator's process: reads one LoadSpec (JSON, the only argument), runs it, prints GeneratorLines.
// A process of its own, so that the harness's work never delays a timestamp.
import type { GeneratorLine, LoadSpec } from './load.ts';
import { runLoad } from './loops.ts';

function say(line: GeneratorLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  const spec = JSON.parse(process.argv[2] ?? '') as LoadSpec;
  say({ event: 'result', result: await runLoad(spec, say) });
} catch (error) {
  // The other connections would keep the process, and whoever waits for its end, for ever.
  process.stdout.write(`${JSON.stringify({ event: 'error', message: (error as Error).message })}\n`, () =>
    process.exit(1),
  );
}
