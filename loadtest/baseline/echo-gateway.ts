// The transport's limit: decode, look the SKU up, encode a reply. Nothing is decided, kept or made durable.
import { formatReservationId } from '../../protocol/ids.ts';
import { failure, type ReplyOf } from '../../protocol/index.ts';
import { serveGateway } from './gateway.ts';
import { baselineOptions } from './options.ts';

const { port } = baselineOptions();
const stock = new Map<string, number>();
const VERSION = { epoch: 1, seq: 1 };

serveGateway('echo', port, (request, reply) => {
  switch (request.op) {
    case 'reserve': {
      const availableToSell = stock.get(request.sku);
      if (availableToSell === undefined) return reply(failure('NOT_FOUND', `no stock of ${request.sku}`));
      const outcome: ReplyOf['reserve'] = {
        ok: true,
        reservationId: formatReservationId(request.region, request.sku, 1, 1),
        qty: request.qty,
        node: 'dc-1',
        expiresAt: Date.now() + request.ttlMs,
        availableToSell,
        version: VERSION,
      };
      return reply(outcome);
    }
    case 'adjust': {
      const onHand = (stock.get(request.sku) ?? 0) + (request.delta ?? 0);
      stock.set(request.sku, onHand);
      return reply({ ok: true, onHand, availableToSell: onHand, version: VERSION });
    }
    default:
      return reply(failure('BAD_REQUEST', `echo does not offer ${request.op}`));
  }
});
