// The order in which a benchmark measures systems: all of them in each repeat, so that what drifts hits them alike. One that fails is
// told and leaves the others alone.
import type { System } from './systems.ts';

/** Resolves with how many measurements failed. */
export async function onEachSystem(
  systems: readonly System[],
  repeats: number,
  measure: (system: System, repeat: number) => Promise<void>,
): Promise<number> {
  let faulty = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const system of systems) {
      try {
        await measure(system, repeat);
      } catch (error) {
        faulty += 1;
        console.log(`${system.name}: FAILED: ${(error as Error).message}`);
      }
    }
  }
  return faulty;
}
