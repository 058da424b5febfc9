// Mistakes to plant in the protocols, one at a time, to see that the simulator finds them. Each is a change of the
// compiled program, as it is read there; run.ts says when a text is no longer there.

export interface Edit {
  readonly file: string;
  /** Found once or more; any white space stands for any other. */
  readonly find: string;
  readonly put: string;
}

export interface Mistake {
  readonly name: string;
  readonly scenario: 'contended-lane' | 'region' | 'regions' | 'fail-over' | 'orders' | 'order-lines';
  readonly edits: readonly Edit[];
}

/** The text with the edit made; the same text when it does not have what is to be found. */
export function edited(text: string, { find, put }: Edit): string {
  const pattern = find.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+');
  return text.replaceAll(new RegExp(pattern, 'g'), () => put);
}

const SHELL = 'node/shell';
const MEMORY = 'node/journal/memory/store.js';

function lane(name: string, ...edits: Edit[]): Mistake {
  return { name, scenario: 'contended-lane', edits };
}

function region(name: string, ...edits: Edit[]): Mistake {
  return { name, scenario: 'region', edits };
}

function regions(name: string, ...edits: Edit[]): Mistake {
  return { name, scenario: 'regions', edits };
}

function failOver(name: string, ...edits: Edit[]): Mistake {
  return { name, scenario: 'fail-over', edits };
}

function orders(name: string, ...edits: Edit[]): Mistake {
  return { name, scenario: 'orders', edits };
}

function lines(name: string, ...edits: Edit[]): Mistake {
  return { name, scenario: 'order-lines', edits };
}

export const MISTAKES: readonly Mistake[] = [
  lane('acknowledged before durable', {
    file: `${SHELL}/committer.js`,
    find: 'gate(seq, respond, outcome) { if (seq <= this.#durableSeq)',
    put: 'gate(seq, respond, outcome) { if (true)',
  }),
  lane('a failed append acknowledged', {
    file: `${SHELL}/committer.js`,
    find: 'for (const respond of batch.responders) respond(UNAVAILABLE);',
    put: 'batch.responders.forEach((respond, i) => respond(batch.outcomes[i]));',
  }),
  lane('reads answered before what they show is durable', {
    file: `${SHELL}/reads.js`,
    find: 'executor.committer.gate(actor.journalSeq, respond, { ok: true, ...seen,',
    put: 'respond({ ok: true, ...seen,',
  }),
  lane('subscribers told before it is durable', {
    file: `${SHELL}/committer.js`,
    find: 'gatePush(seq, push) { if (seq <= this.#durableSeq)',
    put: 'gatePush(seq, push) { if (true)',
  }),
  lane('a store without a fence', {
    file: MEMORY,
    find: 'return this.data.owner?.epoch === this.epoch && this.data.owner.nonce === this.nonce;',
    put: 'return true;',
  }),
  lane('a lane taken from an owner that lives', { file: MEMORY, find: 'if (leftMs > 0)', put: 'if (false)' }),
  lane('an epoch given out twice', { file: MEMORY, find: 'claim.epochSeen) + 1', put: 'claim.epochSeen)' }),
  lane('a lease that nobody looks at', {
    file: `${SHELL}/lease.js`,
    find: 'valid = () => this.#runtime.monotonic() < this.#validUntil',
    put: 'valid = () => true',
  }),
  lane(
    'requestIds forgotten at a take-over',
    {
      file: 'node/core/decide.js',
      find: 'const entry = state.dedup.find(command.requestId, now);',
      put: 'let entry = state.dedup.find(command.requestId, now); if (entry?.epoch !== globalThis.epoch) entry = undefined;',
    },
    {
      file: 'node/core/decide.js',
      find: 'const before = recall(',
      put: 'globalThis.epoch = ctx.epoch; const before = recall(',
    },
  ),
  lane('the journal trimmed to the newest snapshot', {
    file: `${SHELL}/snapshotter.js`,
    find: 'Math.min(older.coveredSeq, coveredSeq)',
    put: 'coveredSeq',
  }),
  lane('snapshot rows written before they are durable', {
    file: `${SHELL}/snapshotter.js`,
    find: 'await committer.reached(rowsSeq);',
    put: '',
  }),
  lane('a snapshot that claims what is not durable', {
    file: `${SHELL}/snapshotter.js`,
    find: 'const coveredSeq = committer.durableSeq;',
    put: 'const coveredSeq = committer.lastSeq;',
  }),
  lane('passivated although it has changed', {
    file: `${SHELL}/directory.js`,
    find: '|| this.changes.has(sku, partition)) continue;',
    put: ') continue;',
  }),
  lane('allocated units sold again', { file: 'node/core/stock.js', find: 'node.allocated', put: '0' }),

  region('a sealed partition is still served', {
    file: 'cluster/handoff/table.js',
    find: "return this.#rows[partition]?.status === 'open';",
    put: "return this.#rows[partition]?.status !== 'elsewhere';",
  }),
  region('handed over before the seal is durable', {
    file: `${SHELL}/handoff.js`,
    find: 'await this.#durable(); const { epoch }',
    put: 'const { epoch }',
  }),
  region('said to be open before that is durable', {
    file: `${SHELL}/handoff.js`,
    find: "await this.#durable(); return { status: 'ok'",
    put: "return { status: 'ok'",
  }),
  region('opened under the epoch it was sealed with', {
    file: `${SHELL}/handoff.js`,
    find: 'Math.max(partitions.epochOf(partition), message.epoch + 1)',
    put: 'Math.max(partitions.epochOf(partition), message.epoch)',
  }),
  region('opened without counting the actors', {
    file: `${SHELL}/handoff.js`,
    find: 'partitions.staged(partition, moveId) !== message.actors',
    put: 'false',
  }),
  region('an older copy of an actor replaces a newer one', {
    file: `${SHELL}/lane-partitions.js`,
    find: 'before.summary.seq > summary.seq',
    put: 'before.summary.seq < summary.seq',
  }),
  region('what changes while it is copied is forgotten', {
    file: `${SHELL}/handoff.js`,
    find: 'changed = [...new Set([...last, ...directory.changes.whileCopying(partition)])];',
    put: 'changed = [];',
  }),
  region('the word of an old seal opens a partition again', {
    file: 'cluster/handoff/table.js',
    find: 'return this.row(partition).epoch > sealedEpoch;',
    put: "return this.row(partition).status === 'open' && this.row(partition).epoch > sealedEpoch;",
  }),
  region('let go of before the other lane has it', {
    file: `${SHELL}/handoff.js`,
    find: "if (answer.status === 'ok') { this.#left",
    put: "if (answer.status !== 'incomplete') { this.#left",
  }),
  region('a snapshot past actors that wait for their partition', {
    file: `${SHELL}/lane-partitions.js`,
    find: 'return this.#staging.size > 0',
    put: 'return false',
  }),
  region('a snapshot claims a partition that left meanwhile', {
    file: `${SHELL}/snapshotter.js`,
    find: 'if (partitions.departures !== departures)',
    put: 'if (false)',
  }),
  region('a lane taken from a worker that lives', { file: MEMORY, find: 'if (leftMs > 0)', put: 'if (false)' }),
  region('a worker adopts before it has a home', {
    file: 'node/worker/region-worker.js',
    find: '#isLooking = true; #isStopping',
    put: '#isLooking = false; #isStopping',
  }),
  region('a partition that is on its way back waits for itself', {
    file: 'node/worker/moves.js',
    find: 'function moveKey(lane, partition) {',
    put: "function moveKey(lane, partition) { lane = '';",
  }),
  region('a lane lost during its recovery is called damaged', {
    file: `${SHELL}/recovery.js`,
    find: 'throw owner === undefined || owner.epoch === lane.epoch ? error : fenced(owner.epoch);',
    put: 'throw error;',
  }),
  region('a lane lost during its recovery is served', {
    file: `${SHELL}/recovery.js`,
    find: 'if (epoch > lane.epoch)',
    put: 'if (false)',
  }),

  regions('rights added on a repeated grant', {
    file: 'cluster/escrow/evolve.js',
    find: 'takeIn(position, event.total - account.taken); account.taken = event.total;',
    put: 'takeIn(position, event.total); account.taken += event.total;',
  }),
  regions('a grant sent before it is durable', {
    file: `${SHELL}/committer.js`,
    find: 'gateRows(seq, rows) { if (seq <= this.#durableSeq)',
    put: 'gateRows(seq, rows) { if (true)',
  }),
  regions(
    'an older register replaces a newer one',
    {
      file: 'cluster/gossip/registers.js',
      find: 'return epoch > held || (epoch === held && seq > this.seq(id));',
      put: 'return true;',
    },
    { file: 'cluster/gossip/replica.js', find: 'if (stamp <= at.n) continue;', put: '' },
  ),
  regions('the next owner counts on under the stamps of the one before', {
    file: 'node/regions/publisher.js',
    find: 'tenureOf(epoch, lane.laneEpoch)',
    put: 'epoch',
  }),
  regions('an age counted from when the answer came', {
    file: 'node/regions/gossip.js',
    find: 'this.#absorb(answer, askedAt)',
    put: 'this.#absorb(answer, runtime.monotonic())',
  }),
  regions('what was told late is told as new', {
    file: 'node/regions/gossip.js',
    find: 'Math.ceil(lagMs())',
    put: '0',
  }),
  regions('what was heard is told on as new', {
    file: 'cluster/gossip/replica.js',
    find: 'isComplete(here) && isWhole(here) ? ageOf(here, now) : undefined;',
    put: 'isComplete(here) && isWhole(here) ? 0 : undefined;',
  }),
  regions('told to other regions before it is durable', {
    file: `${SHELL}/reads.js`,
    find: 'const finish = () => executor.committer.gate(seq, ({ ok }) => respond(ok ? views : undefined), { ok: true, positions: views });',
    put: 'const finish = () => respond(views);',
  }),
  regions('changes made through here are forgotten', {
    file: 'node/regions/own-writes.js',
    find: 'if (this.#versions.size === 0)',
    put: 'if (true)',
  }),
  regions('a request is sent again under another requestId', {
    file: 'node/regions/forwards.js',
    find: 'mesh.call(address, MESH_KIND.request, forward.body,',
    put: 'mesh.call(address, MESH_KIND.request, forward.attempts === 1 ? forward.body : encodeRequest({ ...forward.request, requestId: forward.request.requestId + forward.attempts }),',
  }),
  region('the parts of a row take the place of those that it is made of', {
    file: `${SHELL}/snapshot-rows.js`,
    find: 'const generation = GENERATIONS.find((n) => n !== before?.generation && n !== inDoubt?.generation);',
    put: 'const generation = 0;',
  }),
  failOver('what a fail-over lost is not appended again', {
    file: `${SHELL}/kept-tail.js`,
    find: 'return kept.filter(({ firstSeq }) => firstSeq > tail.lastSeq);',
    put: 'return [];',
  }),
  failOver('a lane let go of before a replica has its end', {
    file: `${SHELL}/leaving.js`,
    find: 'return committer.keepsNothing || lane.isReplicated();',
    put: 'return true;',
  }),
  failOver('snapshots trusted that a fail-over has lost', {
    file: `${SHELL}/snapshotter.js`,
    find: 'if (!this.#manifests.every(isThere))',
    put: 'if (false)',
  }),
  failOver('an append acknowledged that no replica has confirmed', {
    file: 'sim/kernel/store.js',
    find: 'if (data !== undefined && data.lastSeq > before) this.#medium.archived(this.#key, sent); this.#medium.confirm();',
    put: 'if (data !== undefined && data.lastSeq > before) this.#medium.archived(this.#key, sent);',
  }),
  failOver('a version of the members that comes again', {
    file: 'cluster/membership.js',
    find: 'if (isLost && !this.#stopped)',
    put: 'if (false)',
  }),
  failOver('a worker ends and has not looked after its other lanes', {
    file: 'node/worker/held-lanes.js',
    find: 'const others = this.all().filter((other) => other !== grid);',
    put: 'const others = [];',
  }),
  failOver('the entry of an earlier life taken for its own', {
    file: 'node/worker/region-worker.js',
    find: 'this.#self?.joinedAt === this.#joinedAt)',
    put: 'this.#self !== undefined)',
  }),

  orders('a capture acknowledged before it is durable', {
    file: `${SHELL}/orders/orders.js`,
    find: 'committer.gate(actor.journalSeq, respond, this.#replyOf(actor, ask, answer));',
    put: 'respond(this.#replyOf(actor, ask, answer));',
  }),
  orders('an order shown before it is durable', {
    file: `${SHELL}/orders/orders.js`,
    find: 'committer.gate(actor.journalSeq, respond, { ok: true, ...this.#view(actor), ...events });',
    put: 'respond({ ok: true, ...this.#view(actor), ...events });',
  }),
  orders('a task lent before what opened it is durable', {
    file: `${SHELL}/orders/task-lending.js`,
    find: 'committer.gate(taking.journalSeq, respond,',
    put: 'committer.gate(0, respond,',
  }),
  orders('a lease that never ends', {
    file: `${SHELL}/orders/task-board.js`,
    find: 'lease.isLent = false;',
    put: '',
  }),
  orders('tasks of orders that were recovered or have moved are forgotten', {
    file: `${SHELL}/arrivals.js`,
    find: 'into.board.add(key, kind, dueAt, lastAt);',
    put: 'void kind;',
  }),
  orders('a change of an order that no snapshot hears of', {
    file: `${SHELL}/orders/orders.js`,
    find: 'directory.changes.note(actor);',
    put: '',
  }),
  lines(
    'a tentative reservation expires without asking its order',
    {
      file: 'node/core/evolve.js',
      find: 'if (r.order === undefined) { state.expiries.push',
      put: 'if (true) { state.expiries.push',
    },
    {
      file: 'node/core/reservations.js',
      find: 'return this.orders?.get(no) === undefined ? this.reservedUntil(no) : 0;',
      put: 'return this.reservedUntil(no);',
    },
    { file: 'node/core/invariants.js', find: 'if (!asked.has(', put: 'if (false && !asked.has(' },
  ),
  lines('an order says expire of what it may still commit', {
    file: 'orders/reservations/saga.js',
    find: "if (attempt.state === 'TENTATIVE') return told({ answer: 'unknown-yet' });",
    put: "if (attempt.state === 'TENTATIVE') return told({ answer: 'expire' });",
  }),
  lines('an order says expire and does not journal that it will never commit', {
    file: 'orders/reservations/saga.js',
    find: "return { events: [abandoned(attempt, 'deadline', ctx)], asked: { answer: 'expire' } };",
    put: "return { events: [], asked: { answer: 'expire' } };",
  }),
  lines('lines are told of a commit that is not durable', {
    file: 'node/shell/orders/orders.js',
    find: 'else committer.gate(actor.journalSeq, respond, this.#replyOf(actor, ask, answer));',
    put: 'else respond(this.#replyOf(actor, ask, answer));',
  }),
  lines('all that is held is committed, whatever lines use of it', {
    file: 'orders/reservations/errands.js',
    find: 'qty: used < qty ? used : undefined,',
    put: 'qty: undefined,',
  }),
  lines('what was refused stays held', {
    file: 'orders/reservations/errands.js',
    find: ': releaseOf(attempt, answer.reservationId, index, place);',
    put: ': undefined;',
  }),
  lines('an order that its driver left is taken up by nobody', {
    file: 'node/orders/coordinator.js',
    find: 'void this.#takeUpOrders();',
    put: '',
  }),
  lines('one requestId for all claims of an attempt', {
    file: 'orders/reservations/errands.js',
    find: "requestIdOf(attempt, index, 'reserve', place)",
    put: "requestIdOf(attempt, 0, 'reserve', place)",
  }),
  lines('an order gives up what it has committed when it is asked late', {
    file: 'orders/reservations/saga.js',
    find: "return (state === 'RESERVING' || state === 'TENTATIVE') && now >= deadlineAt;",
    put: "return state !== 'RELEASING' && state !== 'RELEASED' && state !== 'ABORTED' && now >= deadlineAt;",
  }),
  lines('each step of a reservation is a trace of its own', {
    file: 'orders/order/reservations.js',
    find: 'state.traceId ?? ctx.traceId',
    put: 'ctx.traceId',
  }),
];
