// The files that commands about orders are given, read: what is wrong in them is told by place.
import { readFile } from 'node:fs/promises';
import { type CarrierProfile, ProfileInvalid, readProfile } from '../../../orders/carriers/simulated/profile.ts';
import { type Policy, PolicyInvalid, parsePolicy } from '../../../orders/exceptions/policy.ts';
import { type Bundles, BundlesInvalid, readBundles } from '../../../orders/sourcing/bundles.ts';
import { type Order, OrderInvalid, readOrder } from '../../../orders/sourcing/order.ts';
import { RulesInvalid, readRules, type SourcingRules } from '../../../orders/sourcing/rules.ts';
import type { OrderDocument } from '../../../protocol/index.ts';
import { messageOf, usageError } from '../exit.ts';
import { FILE_KINDS, type FileKind, kindOfFile } from './file-kinds.ts';
import { speakPlainly } from './plain-words.ts';

speakPlainly();

export const readRulesFile = (file: string): Promise<SourcingRules> =>
  read(file, (text) => readRules(JSON.parse(text)), { kind: 'rules', example: 'examples/sourcing/rules.json' });

export const readBundlesFile = (file: string): Promise<Bundles> =>
  read(file, (text) => readBundles(JSON.parse(text)), { kind: 'bundles', example: 'examples/sourcing/bundles.json' });

export const readPolicyOf = (file: string): Promise<Policy> =>
  read(file, parsePolicy, { kind: 'policy', example: 'examples/policies/standard.yaml' });

export const readProfileFile = (file: string): Promise<CarrierProfile> =>
  read(file, (text) => readProfile(JSON.parse(text)), { kind: 'profile', example: 'examples/carriers/overland.json' });

/** One order or a list of them. */
export const readOrdersFile = (file: string): Promise<Order[]> =>
  read(file, (text) => [JSON.parse(text)].flat().map(readOrder), {
    kind: 'order',
    example: 'examples/sourcing/order.json',
  });

/** One order or a list of them, as they are to be captured: the grid says what is wrong in them. */
export const readDocumentsFile = (file: string): Promise<OrderDocument[]> =>
  read(file, (text) => orderDocuments(text), {
    kind: 'order',
    example: 'examples/sourcing/order.json',
  });

/** @throws OrderInvalid of another kind of file, which is then named by what it is */
function orderDocuments(text: string): OrderDocument[] {
  const documents = [JSON.parse(text) as OrderDocument | OrderDocument[]].flat();
  const kind = kindOfFile(text);
  if (kind !== undefined && kind !== 'order') throw new OrderInvalid('it is no order');
  return documents;
}

interface Wanted {
  readonly kind: FileKind;
  /** One to begin with, beside the sources. */
  readonly example: string;
}

/** @throws UserError naming the file and each place in it that is wrong, or what it is instead */
async function read<T>(file: string, parse: (text: string) => T, { kind, example }: Wanted): Promise<T> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${messageOf(error)}`, `One to begin with is ${example}.`);
  }
  try {
    return parse(text);
  } catch (error) {
    const other = kindOfFile(text);
    if (other !== undefined && other !== kind) {
      const { what, givenBy } = FILE_KINDS[other];
      throw usageError(
        `${file} is ${what}, which is given by ${givenBy}; here belongs ${FILE_KINDS[kind].what}`,
        `One to begin with is ${example}.`,
      );
    }
    if (error instanceof SyntaxError) throw usageError(`${file} is no JSON: ${error.message}`);
    const known = [RulesInvalid, BundlesInvalid, OrderInvalid, PolicyInvalid, ProfileInvalid];
    const isKnown = known.some((kind) => error instanceof kind);
    if (!isKnown) throw error;
    throw usageError(
      `${file} cannot be used:\n${messageOf(error)}`,
      `docs/orders.md has all fields, ${example} is one to begin with.`,
    );
  }
}
