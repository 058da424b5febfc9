// Picks the WebSocket engine as the grid does: the newest uWebSockets.js build that loads here, natively. A baseline
// on a slower engine would be a straw man, so the JavaScript fallback is not accepted.
import { createRequire } from 'node:module';
import type * as Uws from '@trufflesuite/uws-js-unofficial';

/** The package, and the module of it that is the native engine: the second package would answer with a slow fallback. */
const CANDIDATES = [
  ['@btc-vision/uwebsockets.js', '@btc-vision/uwebsockets.js'],
  [
    '@trufflesuite/uws-js-unofficial',
    `@trufflesuite/uws-js-unofficial/binaries/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`,
  ],
] as const;

export interface Engine {
  readonly name: string;
  readonly uws: typeof Uws;
}

/** @throws Error when no native build loads on this machine */
export function loadEngine(): Engine {
  const require = createRequire(import.meta.url);
  const causes: string[] = [];
  for (const [name, path] of CANDIDATES) {
    try {
      return { name, uws: require(path) as typeof Uws };
    } catch (error) {
      causes.push(`${name}: ${(error as Error).message.trim().split('\n').at(-1)}`);
    }
  }
  throw new Error(`no native uWebSockets.js here: ${causes.join('; ')}`);
}
