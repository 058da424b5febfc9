// Numbers of interchanges that are written: each once, whoever writes into the folder, since only one can create a file of a name.
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../shared/make-directory.ts';
import { syncFolder, unless } from './durable.ts';
import { CONTROL_NUMBER_MAX, CONTROL_NUMBERS_KEPT } from './limits.ts';

/** @returns a number greater than all before it, durably taken */
export async function takeControlNumber(out: string): Promise<number> {
  const folder = join(out, '.control');
  await makeDirectory(folder);
  const names = (await readdir(folder)).filter((name) => /^\d{9}$/.test(name)).sort();
  for (const old of names.slice(0, -CONTROL_NUMBERS_KEPT)) await rm(join(folder, old), { force: true });
  for (let number = Number(names.at(-1) ?? 0) + 1; number <= CONTROL_NUMBER_MAX; number += 1) {
    const file = await unless(['EEXIST'], open(join(folder, String(number).padStart(9, '0')), 'wx'));
    if (file === undefined) continue;
    await file.close();
    await syncFolder(folder);
    return number;
  }
  throw new Error(`all control numbers up to ${CONTROL_NUMBER_MAX} are used; empty ${folder} to begin again`);
}
