// Picks the newest WebSocket engine that loads on this machine and says which one it is. Nothing else knows that
// there are several.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Engine, EngineModule } from './engine-types.ts';
import { wsEngineModule } from './engine-ws.ts';

const require = createRequire(import.meta.url);

interface Candidate {
  readonly name: string;
  readonly native: boolean;
  readonly version: () => string;
  readonly load: () => EngineModule;
}

/** In the order of preference. */
const CANDIDATES: readonly Candidate[] = [
  {
    // Upstream's binaries: Node 20 to 25, glibc ≥ 2.38.
    name: '@btc-vision/uwebsockets.js',
    native: true,
    version: () => packageVersion('@btc-vision/uwebsockets.js'),
    load: () => require('@btc-vision/uwebsockets.js'),
  },
  {
    // Node ≤ 20, glibc ≥ 2.27. The binary itself: the package's main would answer elsewhere with its own engine in
    // JavaScript, which has no upgrade handler, no drain, and ends the process on a malformed frame.
    name: '@trufflesuite/uws-js-unofficial',
    native: true,
    version: () => packageVersion('@trufflesuite/uws-js-unofficial'),
    load: () =>
      require(
        `@trufflesuite/uws-js-unofficial/binaries/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`,
      ),
  },
  { name: 'ws', native: false, version: () => packageVersion('ws'), load: () => wsEngineModule },
];

export const ENGINE_NAMES: readonly string[] = CANDIDATES.map((candidate) => candidate.name);

/**
 * Loads the newest engine that runs here, or the one named.
 * @throws when the named engine is unknown or does not load; without a name one always does
 */
export function loadEngine(name?: string): Engine {
  const passedOver: string[] = [];
  for (const candidate of CANDIDATES) {
    if (name !== undefined && candidate.name !== name) continue;
    try {
      const module = candidate.load();
      return {
        name: candidate.name,
        version: candidate.version(),
        native: candidate.native,
        passedOver,
        App: () => module.App(),
        us_listen_socket_close: (listening) => module.us_listen_socket_close(listening),
        us_socket_local_port: (listening) => module.us_socket_local_port(listening),
      };
    } catch (error) {
      passedOver.push(`${candidate.name}: ${lastLine(error)}`);
    }
  }
  if (passedOver.length === 0) throw new Error(`no engine is named ${name}; there are ${ENGINE_NAMES.join(', ')}`);
  throw new Error(`no WebSocket engine loads here (${passedOver.join('; ')})`);
}

/** One line for the log at start. */
export function describeEngine(engine: Engine): string {
  return `${engine.name} ${engine.version} (${engine.native ? 'native' : 'fallback in JavaScript'})`;
}

function packageVersion(name: string): string {
  const manifest = join(dirname(require.resolve(name)), 'package.json');
  try {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  } catch {
    // The entry point lies in a folder of its own.
    const outer = join(dirname(require.resolve(name)), '..', 'package.json');
    return (JSON.parse(readFileSync(outer, 'utf8')) as { version: string }).version;
  }
}

/** The cause stands last in the messages of native packages, under a paragraph about platforms. */
function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (
    text
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('Require stack') && !line.startsWith('- '))
      .at(-1) ?? text
  );
}
