// The order in which a benchmark measures systems: all of them in each repeat, so that what drifts hits them alike. One that fails, or
// is not installed, is told and leaves the others alone.
import { type System, systemsNamed, whyAbsent } from './systems.ts';

/** Resolves with how many measurements failed. @throws Error naming the systems there are */
export async function onEachSystem(
  names: readonly string[],
  repeats: number,
  measure: (system: System, repeat: number) => Promise<void>,
): Promise<number> {
  let faulty = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const system of systemsNamed(names)) {
      const absent = whyAbsent(system);
      if (absent !== undefined) {
        console.log(`${system.name} is left out: ${absent}`);
        continue;
      }
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
