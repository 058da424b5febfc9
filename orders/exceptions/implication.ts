// Whether a rule can ever be reached: whether its condition implies one of those before it. Sound, not complete: what is claimed is so;
// what is not found is listed in SPEC.md.
import { type ASTNode, serialize } from '@marcbachmann/cel-js';
import { ALTERNATIVES_MAX } from './limits.ts';

/** A comparison of one fact with a number, or any other condition as its text, which may be negated. */
type Atom =
  | { readonly fact: string; readonly op: '<' | '<=' | '>' | '>=' | '=='; readonly bound: number }
  | { readonly text: string; readonly negated: boolean };
/** All of them hold. */
type Alternative = readonly Atom[];
/** One of them holds; an empty list never does, an alternative of no atoms always. Undefined: not known, too many. */
type Alternatives = readonly Alternative[] | undefined;

export interface Reading {
  readonly alternatives: Alternatives;
}

export function read(ast: ASTNode): Reading {
  const alternatives = multiplyOut(ast, false);
  return { alternatives: alternatives?.filter((one) => !contradicts(one)) };
}

export function isAlways({ alternatives }: Reading): boolean {
  return alternatives?.some((one) => one.length === 0) === true;
}

export function isNever({ alternatives }: Reading): boolean {
  return alternatives?.length === 0;
}

/** Wherever `later` holds, one of `earlier` holds as well; their number where that is known. */
export function shadowedBy(later: Reading, earlier: readonly Reading[]): readonly number[] | undefined {
  if (later.alternatives === undefined || later.alternatives.length === 0) return undefined;
  const by = later.alternatives.map((one) =>
    earlier.findIndex(({ alternatives }) => alternatives?.some((other) => implies(one, other)) === true),
  );
  return by.includes(-1) ? undefined : [...new Set(by)].sort((a, b) => a - b);
}

function multiplyOut(node: ASTNode, negated: boolean): Alternatives {
  switch (node.op) {
    case 'value':
      if (typeof node.args === 'boolean') return node.args !== negated ? [[]] : [];
      break;
    case '!_':
      return multiplyOut(node.args, !negated);
    case '&&':
    case '||': {
      const left = multiplyOut(node.args[0], negated);
      const right = multiplyOut(node.args[1], negated);
      if (left === undefined || right === undefined) return undefined;
      const both = (node.op === '&&') !== negated;
      if (!both) return bounded([...left, ...right]);
      if (left.length * right.length > ALTERNATIVES_MAX) return undefined;
      return left.flatMap((a) => right.map((b) => [...a, ...b]));
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
    case '==':
    case '!=': {
      const known = comparison(node, negated);
      if (known !== undefined) return known;
      break;
    }
    case 'in': {
      const [value, list] = node.args;
      if (list.op === 'list' && !negated) return bounded(list.args.map((one) => [equality(value, one)]));
      break;
    }
    default:
  }
  return [[{ text: serialize(node), negated }]];
}

function bounded(alternatives: readonly Alternative[]): Alternatives {
  return alternatives.length > ALTERNATIVES_MAX ? undefined : alternatives;
}

export const MIRRORED = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' } as const;
const NEGATED = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!=', '!=': '==' } as const;
type Comparison = keyof typeof MIRRORED;

export function isComparison(node: ASTNode): node is ASTNode & { op: Comparison } {
  return Object.hasOwn(MIRRORED, node.op);
}

function comparison(node: ASTNode & { op: Comparison }, negated: boolean): Alternatives {
  const [left, right] = node.args;
  const constants = [numberOf(left), numberOf(right)] as const;
  if (constants[0] !== undefined && constants[1] !== undefined) {
    return compared(constants[0], node.op, constants[1]) !== negated ? [[]] : [];
  }
  const written = negated ? NEGATED[node.op] : node.op;
  const [id, op, bound] =
    left.op === 'id'
      ? [left.args, written, constants[1]]
      : [right.op === 'id' ? right.args : '', MIRRORED[written], constants[0]];
  if (bound !== undefined && id !== '') {
    if (op === '!=') {
      return [[{ fact: id, op: '<', bound }], [{ fact: id, op: '>', bound }]];
    }
    return [[{ fact: id, op, bound }]];
  }
  if (written === '==' || written === '!=') return [[{ text: textOfEquality(left, right), negated: written === '!=' }]];
  return undefined;
}

function equality(left: ASTNode, right: ASTNode): Atom {
  const bound = numberOf(right);
  if (left.op === 'id' && bound !== undefined) return { fact: left.args, op: '==', bound };
  return { text: textOfEquality(left, right), negated: false };
}

function textOfEquality(left: ASTNode, right: ASTNode): string {
  return `== ${[serialize(left), serialize(right)].sort().join(' ')}`;
}

/** Of a constant. */
export function numberOf(node: ASTNode): number | undefined {
  if (node.op === '-_') {
    const inner = numberOf(node.args);
    return inner === undefined ? undefined : -inner;
  }
  if (node.op !== 'value') return undefined;
  if (typeof node.args === 'number') return node.args;
  return typeof node.args === 'bigint' && Number.isSafeInteger(Number(node.args)) ? Number(node.args) : undefined;
}

export function compared(left: number, op: Comparison, right: number): boolean {
  switch (op) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '==':
      return left === right;
    case '!=':
      return left !== right;
  }
}

function implies(one: Alternative, other: Alternative): boolean {
  return other.every((wanted) => one.some((given) => atomImplies(given, wanted)));
}

function atomImplies(given: Atom, wanted: Atom): boolean {
  if ('text' in given || 'text' in wanted) {
    return 'text' in given && 'text' in wanted && given.text === wanted.text && given.negated === wanted.negated;
  }
  if (given.fact !== wanted.fact) return false;
  if (given.op === '==') return compared(given.bound, wanted.op, wanted.bound);
  switch (wanted.op) {
    case '<':
      return (given.op === '<' && given.bound <= wanted.bound) || (given.op === '<=' && given.bound < wanted.bound);
    case '<=':
      return (given.op === '<' || given.op === '<=') && given.bound <= wanted.bound;
    case '>':
      return (given.op === '>' && given.bound >= wanted.bound) || (given.op === '>=' && given.bound > wanted.bound);
    case '>=':
      return (given.op === '>' || given.op === '>=') && given.bound >= wanted.bound;
    case '==':
      return false;
  }
}

/** Both a condition and its opposite, or bounds between which there is nothing. */
function contradicts(one: Alternative): boolean {
  return one.some((a) => one.some((b) => excludes(a, b)));
}

function excludes(a: Atom, b: Atom): boolean {
  if ('text' in a || 'text' in b) return 'text' in a && 'text' in b && a.text === b.text && a.negated !== b.negated;
  if (a.fact !== b.fact) return false;
  if (a.op === '==') return !compared(a.bound, b.op, b.bound);
  if (a.op !== '<' && a.op !== '<=') return false;
  if (b.op !== '>' && b.op !== '>=') return false;
  return b.bound > a.bound || (b.bound === a.bound && !(a.op === '<=' && b.op === '>='));
}
