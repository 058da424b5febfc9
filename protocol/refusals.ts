// The refusals of requests whose form is wrong, in words that say what was expected and what came.
import { type Failure, failure } from './errors.ts';
import { type Source, show } from './fields.ts';
import { ID_LENGTH_MAX } from './limits.ts';
import { FIELDS, OPS } from './schema.ts';
import { nearest } from './suggest.ts';
import type { Op } from './types.ts';

/** The first field that the op does not have; undefined when there is none. */
export function unknownField(source: Source): string | undefined {
  const op = source.op as Op;
  const known = FIELDS[op];
  for (const field of Object.keys(source)) {
    if (source[field] === undefined || field === 'id' || field === 'op' || known.includes(field)) continue;
    const meant = nearest(field, known);
    const hint = meant === undefined ? `; ${op} takes ${known.join(', ')}` : ` (did you mean "${meant}"?)`;
    return `unknown field ${show(field)}${hint}`;
  }
  return undefined;
}

export function unknownOp(op: unknown): Failure {
  if (op === undefined) return badRequest(`op is missing: it must be one of ${OPS.join(', ')}`);
  if (typeof op !== 'string') return badRequest(`op must be one of ${OPS.join(', ')}, got ${show(op)}`);
  const meant = nearest(op, OPS);
  const hint = meant === undefined ? `: it must be one of ${OPS.join(', ')}` : ` (did you mean "${meant}"?)`;
  return badRequest(`unknown op ${show(op)}${hint}`);
}

export function badId(id: unknown): Failure {
  const expected = `an integer or a string of 1 to ${ID_LENGTH_MAX} characters without control characters`;
  if (id === undefined) return badRequest(`id is missing: it must be ${expected}`);
  return badRequest(`id must be ${expected}, got ${show(id)}`);
}

export function badRequest(message: string): Failure {
  return failure('BAD_REQUEST', message);
}

export function noSuchReservation(reservationId: string): Failure {
  return failure('NOT_FOUND', `no reservation has the id ${show(reservationId)}`);
}

export function tooLarge(what: string, max: number): Failure {
  return failure('TOO_LARGE', `${what}, at most ${max} are allowed: split it`);
}
