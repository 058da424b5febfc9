// Tasks release, pick and pack: a package is handed to the systems of its ship node, which are asked what they have done with it. What they
// tell by themselves (advanceOrder) may come first; then the task is closed, and nobody asks.
import type { OrderPackage } from '../../order/types.ts';
import { handedOverAt } from '../../sourcing/promise.ts';
import { effectKey } from '../keys.ts';
import { PICK_EVERY_MS } from '../limits.ts';
import type { NodeRequest } from '../ports.ts';
import type { Processor, Result, Work } from '../processor.ts';
import type { CarrierOptions } from './carrier-options.ts';
import { packageNameOf, packageOf } from './package-of.ts';

export const releaseProcessor =
  (options: Pick<CarrierOptions, 'nodes'>): Processor =>
  async (work) => {
    const one = packageOf(work);
    if (one === undefined) return { nothing: true };
    await takePlace(work, one, options);
    await work.ports.nodes.release(requestOf(work), effectKey(work.ports.grid.region, work.task.taskId));
    return { tell: [{ command: { type: 'release', packageId: one.packageId } }] };
  };

/**
 * Its place among those that its node hands over. What is released only when the hand-over that it was planned for is past, since its order was
 * on hold, goes with the next.
 */
async function takePlace(work: Work, one: OrderPackage, { nodes }: Pick<CarrierOptions, 'nodes'>): Promise<void> {
  const { capacity, clock } = work.ports;
  const { node, handedOverAt: planned = 0 } = one;
  const calendar = nodes.get(node);
  const at = calendar === undefined ? undefined : handedOverAt(calendar, Math.max(planned, clock.now()));
  if (at !== undefined && capacity.isCounted(node)) {
    await capacity.take(packageNameOf(work, one), { node, handedOverAt: at });
  }
}

export const pickProcessor: Processor = async (work) => {
  const { packageId } = requestOf(work);
  const progress = await progressOf(work);
  switch (progress.state) {
    case 'waiting':
      return { later: PICK_EVERY_MS };
    case 'picked':
    case 'packed':
      return told(work, { command: { type: 'pick', packageId } });
    case 'short': {
      const { missing, reasonCode } = progress;
      return told(work, { command: { type: 'shortPick', packageId, missing, reasonCode } });
    }
    case 'rejected':
      return told(work, { command: { type: 'reject', packageId, reasonCode: progress.reasonCode } });
    default:
      return progress satisfies never;
  }
};

export const packProcessor: Processor = async (work) => {
  const request = requestOf(work);
  const progress = await progressOf(work);
  if (progress.state === 'waiting' || progress.state === 'picked') return { later: PICK_EVERY_MS };
  const grams = progress.state === 'packed' ? progress.grams : request.grams;
  return told(work, { command: { type: 'pack', packageId: request.packageId, grams: Math.round(grams) } });
};

function told({ order, task }: Work, one: Extract<Result, { tell: unknown }>['tell'][number]): Result {
  const node = order.detail.packages.find(({ packageId }) => packageId === task.key)?.node ?? '';
  return { tell: [{ ...one, cause: `node:${node}` }] };
}

/** Task pick is opened when the package is released, and so says since when. */
function progressOf(work: Work) {
  const { task, ports } = work;
  return ports.nodes.progress(requestOf(work), ports.clock.fromGrid(task.dueAt));
}

function requestOf(work: Work): NodeRequest {
  const one = packageOf(work);
  const { orderId, detail } = work.order;
  const lines = (one?.lines ?? []).filter(({ qty }) => qty > 0).map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
  const gramsOf = new Map(detail.lines.map(({ lineId, grams }) => [lineId, grams]));
  const grams = lines.reduce((sum, { lineId, qty }) => sum + qty * (gramsOf.get(lineId) ?? 0), 0);
  return { orderId, packageId: one?.packageId ?? '', node: one?.node ?? '', lines, grams };
}
