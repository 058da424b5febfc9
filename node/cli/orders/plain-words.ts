// What is wrong in a file, in plain words where zod speaks of types: what is missing, and which field may have been meant.
import { z } from 'zod';
import { nearest } from '../../../protocol/suggest.ts';

/** Fields of an object that are named, where its schema does not know one of which none is near. */
const FIELDS_NAMED_MAX = 24;

/** For all schemas of this process. What a schema says itself goes before. */
export function speakPlainly(): void {
  z.config({ customError: plainly });
}

function plainly(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type' && issue.input === undefined) return `is missing (${issue.expected})`;
  if (issue.code !== 'unrecognized_keys') return undefined;
  const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
  return issue.keys.map((key) => unknown(key, known)).join('; ');
}

function unknown(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `unknown field "${key}" (did you mean "${meant}"?)`;
  const isShown = known.length > 0 && known.length <= FIELDS_NAMED_MAX;
  return `unknown field "${key}"${isShown ? `; there are ${known.join(', ')}` : ''}`;
}
