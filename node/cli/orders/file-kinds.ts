// Which of the files about orders a text is, by its outermost fields: one that was given in place of another is named by what it is, instead of
// by all that it is not.
import { parse } from 'yaml';

export type FileKind = 'rules' | 'policy' | 'bundles' | 'profile' | 'carriers' | 'order';

export const FILE_KINDS: Readonly<Record<FileKind, { readonly what: string; readonly givenBy: string }>> = {
  rules: { what: 'a file of sourcing rules', givenBy: '--rules' },
  policy: { what: 'a policy for exceptions', givenBy: '--policy' },
  bundles: { what: 'a catalogue of bundles', givenBy: '--bundles' },
  profile: { what: 'how a simulated carrier is', givenBy: '--carrier, or to carrier-sim with --profile' },
  carriers: { what: 'a file of carriers over HTTP', givenBy: '--carriers' },
  order: { what: 'an order', givenBy: 'the commands capture and source' },
};

/** Larger ones are not looked at: characters. */
const LENGTH_MAX = 1_000_000;

/** Undefined: it may be any, or none. */
export function kindOfFile(text: string): FileKind | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  let document: unknown;
  try {
    // JSON is YAML, too.
    document = [parse(text, { logLevel: 'silent' })].flat()[0];
  } catch {
    return undefined;
  }
  if (typeof document !== 'object' || document === null) return undefined;
  const has = (field: string): boolean => field in document;
  if (has('nodes') && has('services')) return 'rules';
  if (has('rules') || has('hysteresis') || has('killSwitch')) return 'policy';
  if (has('bundles')) return 'bundles';
  if (has('carriers')) return 'carriers';
  if (has('carrier') && has('services')) return 'profile';
  return has('orderId') ? 'order' : undefined;
}
