// Every bound of the wire contract, with its reason. Servers and clients read them from here.

/** Quantities are integers from 1 to this: they fit a signed 32-bit column of the systems around us. */
export const QTY_MAX = 2 ** 31 - 1;

/** A reservation lives at least this long, ms: shorter than a round trip plus a click helps nobody. */
export const TTL_MS_MIN = 1_000;
/** A reservation lives at most this long, ms (one day): beyond it, commit. */
export const TTL_MS_MAX = 86_400_000;
/** The lifetime of a reservation that names none, ms. */
export const TTL_MS_DEFAULT = 600_000;

export const SKU_LENGTH_MAX = 64;
export const REGION_LENGTH_MAX = 32;
export const NODE_LENGTH_MAX = 32;
export const OWNER_LENGTH_MAX = 64;
export const CHANNEL_LENGTH_MAX = 32;
export const REQUEST_ID_LENGTH_MAX = 64;
export const ORDER_ID_LENGTH_MAX = 64;
/** How a reservation names the order it is made for: `<orderId>@<region>`. */
export const ORDER_REF_LENGTH_MAX = ORDER_ID_LENGTH_MAX + 1 + REGION_LENGTH_MAX;
export const REASON_LENGTH_MAX = 128;
/** The `id` of a request, when it is a string. */
export const ID_LENGTH_MAX = 64;
/** A bearer token in `hello`: the largest JWTs in use fit. */
export const TOKEN_LENGTH_MAX = 4_096;
/** How a client names itself in `hello`. */
export const CLIENT_LENGTH_MAX = 128;
/** The cursor that pages through `list`. */
export const CURSOR_LENGTH_MAX = 256;

/** Ship nodes that one SKU may have within one region; the actor scans them on each reserve. */
export const NODES_PER_SKU_MAX = 64;
/** Channels with a buffer that one SKU may have within one region. */
export const CHANNELS_PER_SKU_MAX = 16;

/** The ship node that stands for a SKU's pooled stock in each region that sells it. */
export const POOL_NODE = 'pool';
/** Regions that may sell one pool: each keeps an account with each other and tells it of changes. */
export const POOL_REGIONS_MAX = 32;

// ---- orders ----

/** Lines of one order: what the largest business customers send in one; a few hundred KB of JSON at most. */
export const ORDER_LINES_MAX = 1_000;
/** Lines of one `reserveOrder`: those of the largest order, each of them from two ship nodes. */
export const RESERVE_LINES_MAX = 2_048;
export const LINE_ID_LENGTH_MAX = 64;
/** SKUs that may be sent instead of a line's: each is a candidate of every plan. */
export const SUBSTITUTES_MAX = 8;
/** SKUs that one bundle is made of, and units of one in a bundle. */
/** Regions in which the lines of one order may be had: each is asked in turn. */
export const ORDER_REGIONS_MAX = 8;
export const COMPONENTS_MAX = 32;
export const COMPONENT_QTY_MAX = 10_000;
/** Minor units: sums over all lines of an order stay exact. */
export const MONEY_MAX = 1_000_000_000_000;
/** Times on the wire are below 2^48 ms: the journal keeps them in six bytes. */
export const TIME_MS_MAX = 281_474_976_710_655;
export const SERVICE_LENGTH_MAX = 32;
export const CURRENCY_LENGTH_MAX = 8;
export const POSTAL_CODE_LENGTH_MAX = 16;
/** Of each part of an address. */
export const ADDRESS_LENGTH_MAX = 128;
/** What a shop keeps with an order besides: names, and the text of each. */
export const ATTRIBUTES_MAX = 32;
export const ATTRIBUTE_NAME_LENGTH_MAX = 64;
export const ATTRIBUTE_LENGTH_MAX = 256;
/** A W3C trace id has 32; whole `traceparent`s fit. */
export const TRACE_ID_LENGTH_MAX = 64;
export const COMMAND_TYPE_LENGTH_MAX = 64;
/** JSON of one command to an order, characters: as many packed lines as one reservation may have, with the longest names and ids. */
export const COMMAND_LENGTH_MAX = 786_432;
export const TASK_KIND_LENGTH_MAX = 32;
/** `<orderId>/<kind>#<n>` */
export const TASK_ID_LENGTH_MAX = ORDER_ID_LENGTH_MAX + TASK_KIND_LENGTH_MAX + 16;
/** Kinds of tasks that one `takeTasks` asks for. */
export const TASK_KINDS_MAX = 32;
/** Tasks of one `takeTasks`, and how many when it does not say. */
export const TASKS_TAKEN_MAX = 1_000;
export const TASKS_TAKEN_DEFAULT = 100;
/** How long a task is lent, ms: a consumer that died holds it up no longer. */
export const LEASE_MS_MIN = 100;
export const LEASE_MS_MAX = 3_600_000;
export const LEASE_MS_DEFAULT = 30_000;
/** How long `takeTasks` waits for a first task at most, ms: proxies close what is quiet for longer. */
export const TAKE_WAIT_MS_MAX = 30_000;

/** A frame above this closes the connection with 1009: a full batch of 1,000 fits several times over. */
export const FRAME_BYTES_MAX = 1_048_576;
/** Levels of maps and arrays in one request. The deepest of ours has eight: components of an order's line in a batch. */
export const FRAME_DEPTH_MAX = 8;
/** Values, keys included, in one request: a full batch of the largest items has 50,000. It bounds what decoding costs. */
export const FRAME_NODES_MAX = 65_536;
/** Items of one `batch`. */
export const BATCH_ITEMS_MAX = 1_000;
/** SKUs × regions of one `query`, and SKUs of one `subscribe`. */
export const QUERY_SKUS_MAX = 1_000;
/** Positions of one page of `list`. */
export const LIST_PAGE_MAX = 1_000;

/** Requests in flight on one connection; more are refused with OVERLOADED. */
export const IN_FLIGHT_PER_CONNECTION_MAX = 8_192;
/** Subscriptions of one connection. */
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 10_000;
/** Milliseconds a connection may take to say hello where credentials are required. */
export const HELLO_TIMEOUT_MS = 5_000;

/** How long a requestId is remembered at least, ms (15 minutes). */
export const IDEMPOTENCY_WINDOW_MS = 900_000;
