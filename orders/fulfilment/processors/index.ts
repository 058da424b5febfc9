// All processors by the kind of task that they do, and which role of `holdfast orders` does which.
import type { TaskKind } from '../../order/types.ts';
import type { ShipNode } from '../../sourcing/rules.ts';
import type { Processor } from '../processor.ts';
import { bookProcessor, replanProcessor, trackProcessor } from './carriers.ts';
import { notifyProcessor, refundProcessor, settleProcessor } from './others.ts';
import { packProcessor, pickProcessor, releaseProcessor } from './ship-nodes.ts';
import { type SourceOptions, sourceProcessor } from './source.ts';
import { stockProcessor } from './stock.ts';

export type Processors = Readonly<Record<Exclude<TaskKind, 'dead' | 'reservation'>, Processor>>;

export function processorsOf(options: SourceOptions): Processors {
  const nodes: ReadonlyMap<string, ShipNode> = new Map(options.rules.nodes.map((node) => [node.node, node]));
  const carriers = {
    nodes,
    // As feeds have them by then.
    get rules() {
      return options.rules;
    },
  };
  return {
    source: sourceProcessor(options),
    release: releaseProcessor(carriers),
    pick: pickProcessor,
    pack: packProcessor,
    book: bookProcessor(carriers),
    track: trackProcessor(carriers),
    replan: replanProcessor(carriers),
    notify: notifyProcessor(carriers),
    stock: stockProcessor(carriers),
    refund: refundProcessor,
    settle: settleProcessor(carriers),
  };
}

/** Roles that do tasks; each is a process of its own and may run many times. */
export const KINDS_OF_ROLE: Readonly<Record<'source' | 'fulfil' | 'exceptions', readonly TaskKind[]>> = {
  source: ['source'],
  fulfil: ['release', 'pick', 'pack', 'book', 'track', 'notify', 'stock', 'refund'],
  exceptions: ['settle', 'replan'],
};
