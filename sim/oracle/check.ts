// Judges a history. The journal says in which order things happened; whether they may have happened so is decided by
// the naive model, which shares no code with the core, and by what clients saw and when they saw it.
import { comparable, NaiveModel } from '../../node/core/testing/naive-model.ts';
import type { AvailabilityView, ItemRequest, MutatingRequest, Outcome, Version } from '../../protocol/index.ts';
import type { Asked, History, Violation } from './history.ts';
import type { JournaledEvent } from './journal.ts';

/** A requestId's outcome is a decision of the rules of stock, which the journal must hold. */
const REMEMBERED: ReadonlySet<string> = new Set(['INSUFFICIENT_STOCK', 'LIMIT_EXCEEDED', 'RESERVATION_ENDED']);

interface Decided {
  readonly sku: string;
  readonly seq: number;
  readonly epoch: number;
  /** What the model answers, as JSON with sorted keys. */
  readonly answer: string;
}

export function checkHistory(
  history: History,
  events: readonly JournaledEvent[],
  region: string,
  violations: Violation[],
): void {
  const requests = new Map<string, Asked>();
  for (const asked of history.asked) if ('requestId' in asked.request) requests.set(asked.request.requestId, asked);
  const views = new Views(history);
  const decided = runModel(events, requests, views, region, violations);
  checkAnswers(requests, decided, violations);
  checkConflicts(history, violations);
  checkOrder(history, decided, violations);
  views.check(history, violations);
  checkPushes(history, views, violations);
}

/** Carries out what the journal says was decided, and compares each event with what the model makes of it. */
function runModel(
  events: readonly JournaledEvent[],
  requests: ReadonlyMap<string, Asked>,
  views: Views,
  region: string,
  violations: Violation[],
): Map<string, Decided> {
  const models = new Map<string, NaiveModel>();
  const decided = new Map<string, Decided>();
  for (const { sku, seq, event } of events) {
    let model = models.get(sku);
    if (model === undefined) {
      model = new NaiveModel(sku, region);
      models.set(sku, model);
    }
    if (event.type === 'expired') {
      model.expire(event.at);
    } else if (event.type === 'credited') {
      model.move('credited', event.from, event.total);
    } else if (event.type === 'conceded' || (event.type === 'transferred' && event.cause === undefined)) {
      model.move(event.type, event.to, event.total);
    } else {
      const requestId = event.type === 'transferred' ? (event.cause?.requestId ?? '') : event.requestId;
      const asked = requests.get(requestId);
      if (asked === undefined) {
        violations.push({ invariant: 'I11', text: `${sku} event ${seq}: nobody sent request ${requestId}` });
        return decided;
      }
      if (decided.has(requestId)) {
        violations.push({ invariant: 'I11', text: `${sku} event ${seq}: ${requestId} took effect twice` });
        return decided;
      }
      const outcome = model.execute(asked.request as MutatingRequest, event.at, event.epoch);
      if ((outcome.ok === true) === (event.type === 'refused')) {
        violations.push({
          invariant: 'model',
          text: `${sku} event ${seq} is ${event.type}; the model answers ${sorted(outcome)}`,
        });
      }
      decided.set(requestId, { sku, seq, epoch: event.epoch, answer: sorted(outcome) });
    }
    if (model.seq !== seq) {
      violations.push({ invariant: 'model', text: `${sku} event ${seq} is event ${model.seq} of the model` });
      return decided;
    }
    for (const node of model.nodes) {
      const [reserved, allocated] = model.promised(node);
      if (node.onHand + node.backorderLimit < reserved + allocated) {
        violations.push({
          invariant: 'I1',
          text: `${sku} at ${node.name} is oversold at seq ${seq}: ${node.onHand} on hand, ${reserved} + ${allocated} promised`,
        });
      }
    }
    views.note(model, seq);
  }
  return decided;
}

/** Every answer is the model's (I5, I11): it is in the journal, and whoever repeats it says the same. */
function checkAnswers(
  requests: ReadonlyMap<string, Asked>,
  decided: ReadonlyMap<string, Decided>,
  violations: Violation[],
): void {
  for (const [requestId, { answers, request }] of requests) {
    const truth = decided.get(requestId);
    for (const { outcome, at, worker } of answers) {
      const said = (): string =>
        `${worker} answered ${request.op} ${requestId} at ${at.toFixed(3)} ms with ${JSON.stringify(outcome)}`;
      if (!outcome.ok && outcome.code === 'INTERNAL') violations.push({ invariant: 'P', text: said() });
      if (truth !== undefined) {
        if (!isRemembered(outcome)) continue;
        const answer = sorted(withoutReplayed(comparable(outcome)));
        if (answer !== truth.answer) {
          violations.push({
            invariant: 'I11',
            text: `${said()}; event ${truth.seq} of ${truth.sku} came to ${truth.answer}`,
          });
        }
      } else if (isRemembered(outcome)) {
        violations.push({ invariant: 'I5', text: `${said()}; the journal does not hold it` });
      }
    }
  }
}

/** A requestId that was answered is refused with another body, or is too old to tell. */
function checkConflicts(history: History, violations: Violation[]): void {
  for (const { request, answers } of history.conflicts) {
    for (const { outcome, worker } of answers) {
      if (!outcome.ok && (outcome.code === 'IDEMPOTENCY_CONFLICT' || outcome.code === 'IDEMPOTENCY_EXPIRED')) continue;
      const id = 'requestId' in request ? request.requestId : '';
      const text = `${worker} answered another body under ${id} with ${JSON.stringify(outcome)}`;
      violations.push({ invariant: 'I11', text });
    }
  }
}

/** A answered before B was sent ⇒ seq(A) < seq(B); and what is read is not older than what was answered (I12). */
function checkOrder(history: History, decided: ReadonlyMap<string, Decided>, violations: Violation[]): void {
  interface Moment {
    readonly at: number;
    readonly sku: string;
    readonly seq: number;
    readonly what: 'answered' | 'sent' | 'read';
    readonly request: ItemRequest;
  }
  const moments: Moment[] = [];
  for (const { request, sentAt, answers } of history.asked) {
    // A refusal that is not remembered settles nothing: a copy of the request that was on its way may still take effect.
    const first = answers.find(({ outcome }) => isRemembered(outcome));
    if ('requestId' in request) {
      const truth = decided.get(request.requestId);
      if (truth === undefined) continue;
      moments.push({ at: sentAt, what: 'sent', request, ...truth });
      if (first !== undefined) moments.push({ at: first.at, what: 'answered', request, ...truth });
    } else if (request.op === 'get' && first !== undefined) {
      const version = versionOf(first.outcome);
      if (version !== undefined)
        moments.push({ at: sentAt, what: 'read', sku: request.sku, seq: version.seq, request });
    }
  }
  // Of one moment, what was sent comes first: it was not sent after the answer.
  moments.sort(
    (left, right) => left.at - right.at || Number(left.what === 'answered') - Number(right.what === 'answered'),
  );
  const answered = new Map<string, number>();
  for (const { at, sku, seq, what, request } of moments) {
    const latest = answered.get(sku) ?? 0;
    if (what === 'answered') answered.set(sku, Math.max(latest, seq));
    else if (what === 'sent' ? seq <= latest : seq < latest) {
      const id = 'requestId' in request ? request.requestId : request.op;
      const text = `${id} of ${sku}, sent at ${at.toFixed(3)} ms, has seq ${seq}; seq ${latest} was answered before`;
      violations.push({ invariant: 'I12', text });
    }
  }
}

/** What the model shows at the versions that somebody saw. */
class Views {
  readonly #wanted = new Map<string, Set<number>>();
  readonly #seen = new Map<string, string>();
  readonly #available = new Map<string, number>();

  constructor(history: History) {
    for (const { request, answers } of history.asked) {
      if (request.op !== 'get') continue;
      for (const { outcome } of answers) this.#want(request.sku, versionOf(outcome));
    }
    for (const { push } of history.pushes) this.#want(push.sku, push.version);
    for (const { view } of history.shown) this.#want(view.sku, view.version);
  }

  #want(sku: string, version: Version | undefined): void {
    if (version === undefined) return;
    const seqs = this.#wanted.get(sku);
    if (seqs === undefined) this.#wanted.set(sku, new Set([version.seq]));
    else seqs.add(version.seq);
  }

  note(model: NaiveModel, seq: number): void {
    if (this.#wanted.get(model.sku)?.has(seq) !== true) return;
    const nodes = model.nodes.map((node) => {
      const [reserved, allocated] = model.promised(node);
      return `${node.name}:${node.onHand}/${reserved}/${allocated}/${node.shortfall}`;
    });
    const available = model.availableFor(undefined);
    this.#seen.set(`${model.sku}@${seq}`, `${available} ${nodes.join(' ')}`);
    this.#available.set(`${model.sku}@${seq}`, available);
  }

  /** What listeners were told at a version; undefined: the journal has no such version. */
  availableAt(sku: string, seq: number): number | undefined {
    return this.#available.get(`${sku}@${seq}`);
  }

  check(history: History, violations: Violation[]): void {
    for (const { request, answers } of history.asked) {
      if (request.op !== 'get') continue;
      for (const { outcome, worker, at } of answers) {
        if (outcome.ok && 'nodes' in outcome) this.#compare(outcome as AvailabilityView, worker, at, violations);
      }
    }
    for (const { view, by, at } of history.shown) this.#compare(view, by, at, violations);
  }

  #compare({ sku, version, nodes, availableToSell }: AvailabilityView, by: string, at: number, to: Violation[]): void {
    const all = nodes.map((n) => `${n.node}:${n.onHand}/${n.reserved}/${n.allocated}/${n.shortfall ?? 0}`);
    const shown = `${availableToSell} ${all.join(' ')}`;
    const truth = this.#seen.get(`${sku}@${version.seq}`);
    if (shown === truth) return;
    const who = `${by} showed ${sku} at ${at.toFixed(3)} ms as ${shown} at seq ${version.seq}`;
    to.push({ invariant: 'I6', text: `${who}; the journal has ${truth ?? 'no such version'}` });
  }
}

/** What listeners are told is durable and true (I6), and never goes backward. */
function checkPushes(history: History, views: Views, violations: Violation[]): void {
  const last = new Map<string, number>();
  for (const { listener, push, at } of history.pushes) {
    const { sku, version, availableToSell } = push;
    const truth = views.availableAt(sku, version.seq);
    if (truth !== availableToSell) {
      const text = `${listener} was told ${availableToSell} of ${sku} at ${at.toFixed(3)} ms, seq ${version.seq}; the journal has ${truth}`;
      violations.push({ invariant: 'I6', text });
    }
    const key = `${listener}/${sku}`;
    if (version.seq < (last.get(key) ?? 0)) {
      violations.push({ invariant: 'I12', text: `${listener} was told of ${sku} backward, seq ${version.seq}` });
    }
    last.set(key, version.seq);
  }
}

function versionOf(outcome: Outcome): Version | undefined {
  return outcome.ok && 'version' in outcome ? outcome.version : undefined;
}

function isRemembered(outcome: Outcome): boolean {
  return outcome.ok || REMEMBERED.has(outcome.code);
}

function withoutReplayed(fields: Record<string, unknown>): Record<string, unknown> {
  const { replayed: _, ...rest } = fields;
  return rest;
}

function sorted(fields: Record<string, unknown>): string {
  return JSON.stringify(fields, Object.keys(fields).sort().concat('epoch', 'seq', 'node', 'qty'));
}
