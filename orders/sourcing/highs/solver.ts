// HiGHS, a solver of linear and mixed-integer programs compiled to WebAssembly (Q. Huangfu, J. Hall 2018). It blocks its thread while
// it solves, so whoever serves anything else runs it in a thread of its own (thread.ts).
import loadHighs, { type Highs } from 'highs';
import type { Program, ProgramLimits, ProgramSolution } from '../program.ts';

export type SolveNow = (program: Program, limits: ProgramLimits) => ProgramSolution | undefined;

/** Its types describe the module as CommonJS; what Node imports is the function itself. */
const load = loadHighs as unknown as (typeof loadHighs)['default'];

export async function loadSolver(): Promise<SolveNow> {
  const highs = await load();
  return (program, limits) => solveWith(highs, program, limits);
}

function solveWith(highs: Highs, program: Program, { timeMs, gap }: ProgramLimits): ProgramSolution | undefined {
  const { modelStatus, variableType } = highs.constants;
  const isMixed = program.isInteger.includes(1);
  const model = highs.createModel({
    numCols: program.columnCost.length,
    numRows: program.rowLower.length,
    colCost: program.columnCost,
    colLower: new Float64Array(program.columnCost.length),
    colUpper: program.columnUpper,
    rowLower: program.rowLower,
    rowUpper: program.rowUpper,
    matrix: {
      format: 'csr',
      numRows: program.rowLower.length,
      numCols: program.columnCost.length,
      starts: program.rowStart,
      indices: program.entryColumn,
      values: program.entryValue,
    },
    ...(isMixed
      ? {
          integrality: Array.from(program.isInteger, (is) =>
            is === 1 ? variableType.integer : variableType.continuous,
          ),
        }
      : {}),
  });
  try {
    model.options.set({ output_flag: false, time_limit: timeMs / 1_000, mip_rel_gap: gap });
    const status = model.run().modelStatus;
    const isOptimal = status === modelStatus.optimal;
    if (!isOptimal && status !== modelStatus.timeLimit) return undefined;
    const cost = model.getObjectiveValue();
    // Without a solution the objective is infinite; an LP that was cut short is not feasible, or says nothing of its duals.
    if (!Number.isFinite(cost) || (!isOptimal && !isMixed)) return undefined;
    const { colValue, rowDual } = model.getSolution();
    const bound = isMixed ? Number(model.info.get('mip_dual_bound')) : cost;
    return {
      status: isOptimal ? 'optimal' : 'limit',
      cost,
      bound,
      values: colValue,
      duals: isMixed ? new Float64Array(0) : rowDual,
    };
  } finally {
    // Its memory is not the collector's.
    model.dispose();
  }
}
