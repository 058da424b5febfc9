// Conditions of rules: CEL, checked against the declared facts of a kind before anything is decided by them.
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import { type FactType, factsOf, KINDS, type Kind } from './kinds.ts';
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

/** Reads a condition. All that is wrong with it is said that can be found: CEL's checker stops at its first, so unknown names are looked for besides. */
export function compile(kind: Kind, source: string): Compiled {
  const environment = ENVIRONMENTS[kind];
  let parsed: ParseResult;
  try {
    parsed = environment.parse(source);
  } catch (error) {
    return { wrong: [summaryOf(error)] };
  }
  const wrong = [
    ...new Set([...unknownNames(parsed.ast, kind), ...typeErrors(parsed), ...unknownValues(parsed.ast, kind)]),
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

function typeErrors(parsed: ParseResult): string[] {
  const { valid, type, error } = parsed.check();
  if (!valid) return [withHint(summaryOf(error))];
  return type === 'bool' ? [] : [`is of type ${type}, not bool`];
}

/** CEL has no operator between a double and an int but comparisons of order, which is what a first rule runs into. */
function withHint(summary: string): string {
  const isMixed = /overload: (?:double \S+ int|int \S+ double)$/.test(summary);
  return isMixed ? `${summary}; beside a double write 18.0, not 18` : summary;
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

function unknownNames(ast: ASTNode, kind: Kind): string[] {
  const known = new Set(factsOf(kind).map(([name]) => name));
  const wrong: string[] = [];
  visit(ast, new Set(), (node, bound) => {
    if (node.op === 'id' && !known.has(node.args) && !bound.has(node.args) && !TYPE_NAMES.has(node.args)) {
      wrong.push(`Unknown variable: ${node.args}`);
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
  const compare = (id: ASTNode, value: ASTNode): void => {
    if (id.op !== 'id' || value.op !== 'value' || typeof value.args !== 'string') return;
    const oneOf = values.get(id.args);
    if (oneOf?.includes(value.args) === false) {
      wrong.push(`${id.args} is never "${value.args}": it is one of ${oneOf.join(', ')}`);
    }
  };
  visit(ast, new Set(), (node) => {
    if (node.op === '==' || node.op === '!=') {
      compare(node.args[0], node.args[1]);
      compare(node.args[1], node.args[0]);
    }
    if (node.op === 'in' && node.args[1].op === 'list')
      for (const value of node.args[1].args) compare(node.args[0], value);
  });
  return wrong;
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
