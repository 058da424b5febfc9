// Conditions of rules: CEL, checked against the declared facts of a kind before anything is decided by them.
import { type ASTNode, Environment, type ParseResult, serialize } from '@marcbachmann/cel-js';
import { compared, isComparison, MIRRORED, numberOf } from './implication.ts';
import { type FactType, factsOf, isNumberType, KINDS, type Kind, type NumberType, RANGES } from './kinds.ts';
import { CONDITION_DEPTH_MAX, CONDITION_NODES_MAX } from './limits.ts';

export type Facts = Readonly<Record<string, string | boolean | number | readonly string[]>>;

export interface Condition {
  readonly source: string;
  readonly ast: ASTNode;
  /** @throws EvaluationError of cel-js, for a division by zero or an index out of bounds */
  holds(facts: Facts): boolean;
}

/** Both are what is wrong, in words. */
export type Compiled =
  | { readonly condition: Condition; readonly wrong?: never }
  | { readonly wrong: readonly string[]; readonly condition?: never };

const CEL_TYPE: Readonly<Record<FactType, string>> = {
  string: 'string',
  bool: 'bool',
  int: 'int',
  share: 'double',
  money: 'double',
  hours: 'double',
  'list<string>': 'list<string>',
};

const ENVIRONMENTS = Object.fromEntries(KINDS.map((kind) => [kind, environmentOf(kind)])) as Record<Kind, Environment>;

/** Integers of a kind, which CEL takes as bigint. */
const INTS = Object.fromEntries(
  KINDS.map((kind) => [kind, factsOf(kind).flatMap(([name, { type }]) => (type === 'int' ? [name] : []))]),
) as Record<Kind, string[]>;

function environmentOf(kind: Kind): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxAstNodes: CONDITION_NODES_MAX, maxDepth: CONDITION_DEPTH_MAX },
  });
  for (const [name, { type }] of factsOf(kind)) environment.registerVariable(name, CEL_TYPE[type]);
  return environment;
}

/** Reads a condition. All that is wrong with it is said that can be found: CEL's checker stops at its first, so its parts are checked one by one. */
export function compile(kind: Kind, source: string): Compiled {
  const environment = ENVIRONMENTS[kind];
  let parsed: ParseResult;
  try {
    parsed = environment.parse(source);
  } catch (error) {
    return { wrong: [summaryOf(error)] };
  }
  const wrong = [
    ...new Set([
      ...unknownNames(parsed.ast, kind),
      ...typeErrors(parsed, environment),
      ...unknownValues(parsed.ast, kind),
      ...senselessNumbers(parsed.ast, kind),
    ]),
  ];
  if (wrong.length > 0) return { wrong };
  return {
    condition: {
      source,
      ast: parsed.ast,
      holds: (facts) => parsed(contextOf(kind, facts)) === true,
    },
  };
}

function typeErrors(parsed: ParseResult, environment: Environment): string[] {
  const whole = typeError(parsed);
  if (whole === undefined) return [];
  const parts = partsOf(parsed.ast);
  if (parts.length === 1) return [whole];
  const ofParts = parts.flatMap((part) => {
    const source = serialize(part);
    const wrong = typeError(environment.parse(source));
    return wrong === undefined ? [] : [{ wrong, text: `\`${source}\`: ${wrong}` }];
  });
  if (ofParts.length === 0) return [whole];
  // Those are named once for the whole condition.
  return ofParts.flatMap(({ wrong, text }) => (wrong.startsWith(UNKNOWN_VARIABLE) ? [] : [text]));
}

function typeError(parsed: ParseResult): string | undefined {
  const { valid, type, error } = parsed.check();
  if (!valid) return withHint(summaryOf(error), parsed.ast);
  return type === 'bool' ? undefined : `is of type ${type}, not bool`;
}

/** What `&&`, `||` and `!` join. */
function partsOf(node: ASTNode): readonly ASTNode[] {
  if (node.op === '!_') return partsOf(node.args);
  return node.op === '&&' || node.op === '||' ? node.args.flatMap(partsOf) : [node];
}

/** CEL has no operator between a double and an int but comparisons of order, which is what a first rule runs into. */
function withHint(summary: string, ast: ASTNode): string {
  const mixed = /overload: (int|double) (\S+) (?:list<)?(int|double)>?$/.exec(summary);
  const [, left, op, right] = mixed ?? [];
  if (left === right) return summary;
  let hint: string | undefined;
  visit(ast, new Set(), (node) => {
    if (node.op !== op || !Array.isArray(node.args)) return;
    const [of, beside] = node.args as readonly [ASTNode, ASTNode];
    hint ??= hintOf(left === 'int' ? of : beside, left === 'int' ? beside : of);
  });
  return hint === undefined ? summary : `${summary}; ${hint}`;
}

/** How to write an int and a double that stand beside each other, whichever of them is a constant, or a list of such. */
function hintOf(int: ASTNode, double: ASTNode): string {
  const constantOf = (one: ASTNode): number | undefined =>
    one.op === 'list' ? one.args.map(numberOf).find((of) => of !== undefined) : numberOf(one);
  const [whole, part] = [constantOf(int), constantOf(double)];
  if (whole !== undefined) return `beside a double write ${whole}.0, not ${whole}`;
  if (part !== undefined && Number.isInteger(part)) return `beside an int write ${part}, not ${part}.0`;
  return `beside a double write double(${serialize(int)})`;
}

function contextOf(kind: Kind, facts: Facts): Record<string, unknown> {
  const context: Record<string, unknown> = { ...facts };
  for (const name of INTS[kind]) context[name] = BigInt(facts[name] as number);
  return context;
}

function summaryOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'summary' in error) return String(error.summary);
  return error instanceof Error ? error.message : String(error);
}

/** As CEL says it. */
const UNKNOWN_VARIABLE = 'Unknown variable: ';

function unknownNames(ast: ASTNode, kind: Kind): string[] {
  const known = new Set(factsOf(kind).map(([name]) => name));
  const wrong: string[] = [];
  visit(ast, new Set(), (node, bound) => {
    if (node.op === 'id' && !known.has(node.args) && !bound.has(node.args) && !TYPE_NAMES.has(node.args)) {
      wrong.push(`${UNKNOWN_VARIABLE}${node.args}`);
    }
  });
  return wrong;
}

/** Names that CEL knows by itself. */
const TYPE_NAMES = new Set([
  'int',
  'uint',
  'double',
  'bool',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
  'dyn',
]);

/** Comparisons of a fact that has a fixed set of values with a value that is none of them: CEL's types do not see a typo in a string. */
function unknownValues(ast: ASTNode, kind: Kind): string[] {
  const values = new Map(factsOf(kind).flatMap(([name, { oneOf }]) => (oneOf === undefined ? [] : [[name, oneOf]])));
  const wrong: string[] = [];
  const compareWith =
    (bound: ReadonlySet<string>) =>
    (id: ASTNode, value: ASTNode): void => {
      if (id.op !== 'id' || bound.has(id.args) || value.op !== 'value' || typeof value.args !== 'string') return;
      const oneOf = values.get(id.args);
      if (oneOf?.includes(value.args) === false) {
        wrong.push(`${id.args} is never "${value.args}": it is one of ${oneOf.join(', ')}`);
      }
    };
  visit(ast, new Set(), (node, bound) => {
    const compare = compareWith(bound);
    if (node.op === '==' || node.op === '!=') {
      compare(node.args[0], node.args[1]);
      compare(node.args[1], node.args[0]);
    }
    if (node.op !== 'in') return;
    if (node.args[1].op === 'list') for (const value of node.args[1].args) compare(node.args[0], value);
    else compare(node.args[1], node.args[0]);
  });
  return wrong;
}

/** Comparisons of numbers that CEL's types let pass and that say nothing: with what a fact can never be, or of two facts in different units. */
function senselessNumbers(ast: ASTNode, kind: Kind): string[] {
  const types = new Map(
    factsOf(kind).flatMap(([name, { type }]) => (isNumberType(type) ? [[name, type] as const] : [])),
  );
  const wrong: string[] = [];
  visit(ast, new Set(), (node, bound) => {
    const typeOf = (one: ASTNode): NumberType | undefined =>
      one.op === 'id' && !bound.has(one.args) ? types.get(one.args) : undefined;
    const compare = (left: ASTNode, op: keyof typeof MIRRORED, right: ASTNode): void => {
      const [type, other, limit] = [typeOf(left), typeOf(right), numberOf(right)];
      if (type === undefined) return;
      if (other !== undefined && other !== type) {
        wrong.push(
          `${serialize(left)} is ${RANGES[type].what}; ${serialize(right)} is ${RANGES[other].what}: they do not compare`,
        );
      }
      if (limit === undefined) return;
      const outcome = alwaysThe(type, op, limit);
      if (outcome === undefined) return;
      const hint = type === 'hours' ? '; 18 hours are 18.0' : '';
      wrong.push(
        `${serialize(left)} is ${RANGES[type].what}, so \`${serialize(left)} ${op} ${serialize(right)}\` ${outcome ? 'always' : 'never'} holds${hint}`,
      );
    };
    if (isComparison(node)) {
      const [left, right] = node.args;
      compare(left, node.op, right);
      if (typeOf(left) === undefined) compare(right, MIRRORED[node.op], left);
    }
    if (node.op === 'in' && node.args[1].op === 'list')
      for (const value of node.args[1].args) compare(node.args[0], '==', value);
  });
  return wrong;
}

/** Undefined: it depends. A limit at the end of the range is left alone where it always holds: it may be meant. */
function alwaysThe(type: NumberType, op: keyof typeof MIRRORED, limit: number): boolean | undefined {
  const { min, max } = RANGES[type];
  const isOutside = limit < min || limit > max;
  if (op === '==' || op === '!=') return isOutside ? op === '!=' : undefined;
  const [atMin, atMax] = [compared(min, op, limit), compared(max, op, limit)];
  if (atMin !== atMax) return undefined;
  return isOutside || !atMin ? atMin : undefined;
}

/** Calls macros such as `exists(x, …)` by their names, because the first argument of them names a variable of their own. */
const BINDING = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

function visit(
  node: ASTNode,
  bound: ReadonlySet<string>,
  see: (node: ASTNode, bound: ReadonlySet<string>) => void,
): void {
  see(node, bound);
  for (const [child, names] of childrenOf(node, bound)) visit(child, names, see);
}

/** The parts of a node, each with the names that are bound in it. */
function childrenOf(node: ASTNode, bound: ReadonlySet<string>): (readonly [ASTNode, ReadonlySet<string>])[] {
  const plain = (nodes: readonly ASTNode[]) => nodes.map((child) => [child, bound] as const);
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return plain([node.args[0]]);
    case 'call':
      return plain(node.args[1]);
    case 'rcall': {
      const [method, target, args] = node.args;
      const [first, ...rest] = args;
      if (first?.op !== 'id' || !BINDING.has(method)) return plain([target, ...args]);
      const inner = new Set([...bound, first.args]);
      return [[target, bound], ...rest.map((child) => [child, inner] as const)];
    }
    case 'list':
      return plain(node.args);
    case 'map':
      return plain(node.args.flat());
    case '!_':
    case '-_':
      return plain([node.args]);
    default:
      return plain(node.args);
  }
}
