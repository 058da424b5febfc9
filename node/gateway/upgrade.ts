// The handshake: from an HTTP request for /v1 to a connection, or to the refusal that says what to change.
import { encodeReply } from '../../protocol/codec.ts';
import { type Failure, failure } from '../../protocol/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type Access, chooseSubprotocol, type Offer } from './access.ts';
import { Connection, type SocketData } from './connection.ts';
import type { Connections } from './connections.ts';
import type { EngineRequest, EngineResponse } from './engine-types.ts';
import { Exchange, HTTP_STATUS } from './http-exchange.ts';
import type { GatewayLimits } from './limits.ts';

export interface UpgradeDeps {
  readonly access: Access;
  readonly connections: Connections;
  readonly limits: GatewayLimits;
  readonly metrics: Metrics;
  readonly draining: () => boolean;
}

const UNKNOWN_SUBPROTOCOL = failure(
  'BAD_REQUEST',
  'offer the subprotocol holdfast.v1.msgpack or holdfast.v1.json, or none for JSON',
);

export function upgrader(
  deps: UpgradeDeps,
): (response: EngineResponse, request: EngineRequest, context: unknown) => void {
  const { access, connections } = deps;
  return (response, request, context) => {
    const offer = chooseSubprotocol(request.getHeader('sec-websocket-protocol'));
    const token = access.bearerOf(request.getHeader('authorization')) ?? offer?.token;
    const refused = mayNot(deps, request, offer, token);
    if (refused !== undefined || offer === undefined) {
      refuse(response, refused ?? UNKNOWN_SUBPROTOCOL);
      return;
    }
    const isAuthenticated = !access.required || token !== undefined;
    const data: SocketData = { connection: new Connection(connections, offer.encoding, isAuthenticated) };
    response.upgrade(
      data,
      request.getHeader('sec-websocket-key'),
      offer.protocol,
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  };
}

/** Why this handshake must be refused. */
function mayNot(
  { access, connections, draining, limits, metrics }: UpgradeDeps,
  request: EngineRequest,
  offer: Offer | undefined,
  token: string | undefined,
): Failure | undefined {
  const refusal = access.refusal(request.getHeader('origin'), request.getHeader('host'));
  if (refusal !== undefined) return failure('FORBIDDEN', refusal);
  if (offer === undefined) return UNKNOWN_SUBPROTOCOL;
  if (token !== undefined && !access.accepts(token)) return failure('UNAUTHENTICATED', 'the token is not valid');
  if (draining()) return failure('UNAVAILABLE', 'shutting down', 1_000);
  if (connections.size < limits.connectionsMax) return undefined;
  metrics.sheds.inc({ reason: 'connections' });
  return failure('OVERLOADED', `${limits.connectionsMax} connections are open`, 1_000);
}

function refuse(response: EngineResponse, refused: Failure): void {
  const exchange = new Exchange(response, 'get', true);
  if (refused.code === 'UNAUTHENTICATED') exchange.header('www-authenticate', 'Bearer');
  exchange.json(HTTP_STATUS[refused.code], encodeReply('json', undefined, refused));
}
