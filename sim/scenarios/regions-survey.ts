// Asks every worker of every region for everything, to see whether all have come to know the same: what the owners have,
// and no rights of pooled stock on their way. It asks without the network of the clients, and nothing of it is judged.
import type { AvailabilityPush, AvailabilityView, GetReply, Outcome } from '../../protocol/index.ts';
import type { World } from './world.ts';

interface Answer {
  readonly by: string;
  readonly isOwn: boolean;
  readonly isAtOnce: boolean;
  readonly outcome: Outcome;
}

export class RegionsSurvey {
  readonly #world: World;
  readonly #regions: readonly string[];
  readonly #skus: readonly string[];
  /** By `listener region/sku`. */
  readonly #pushed: ReadonlyMap<string, AvailabilityPush>;
  #asked = 0;
  /** By region and sku. */
  #answers = new Map<string, Answer[]>();

  /** @param pushed the last push to each listener of each incarnation of a worker, by `listener region/sku` */
  constructor(
    world: World,
    regions: readonly string[],
    skus: readonly string[],
    pushed: ReadonlyMap<string, AvailabilityPush>,
  ) {
    this.#pushed = pushed;
    this.#world = world;
    this.#regions = regions;
    this.#skus = skus;
  }

  /** Begins anew: the answers to what was asked before are not waited for. */
  ask(): void {
    const answers = new Map<string, Answer[]>();
    this.#answers = answers;
    this.#asked = 0;
    for (const { process, subject, region: own } of this.#world.serving) {
      process.accept(() => {
        for (const region of this.#regions) {
          for (const sku of this.#skus) {
            const of: Answer[] = answers.get(`${region}/${sku}`) ?? [];
            answers.set(`${region}/${sku}`, of);
            this.#asked += 1;
            let isAtOnce = true;
            subject.submit({ op: 'get', sku, region }, (outcome) => {
              of.push({ by: process.name, isOwn: own === region, isAtOnce, outcome });
            });
            isAtOnce = false;
          }
        }
      });
    }
  }

  /** Units of the pool that nobody has sold yet, by the last answers; in all regions. */
  unsold(sku: string): number {
    let units = 0;
    for (const region of this.#regions) {
      const own = this.#answers.get(`${region}/${sku}`)?.find(({ isOwn, outcome }) => isOwn && outcome.ok);
      units += (own?.outcome as GetReply | undefined)?.pool?.rights ?? 0;
    }
    return units;
  }

  /** What is not as it should be, by the answers so far; undefined: everybody knows everything. */
  whyNot(): string | undefined {
    const all = [...this.#answers.values()].flat().length;
    if (all === 0 || all < this.#asked) return `${this.#asked - all} of ${this.#asked} looks have no answer`;
    const parts = new Map<string, GetReply>();
    for (const [key, answers] of this.#answers) {
      const own = answers.find(({ isOwn, outcome }) => isOwn && outcome.ok);
      if (own === undefined) return `${key} is shown by nobody of its region`;
      const truth = own.outcome as GetReply;
      parts.set(key, truth);
      for (const { by, isOwn, isAtOnce, outcome } of answers) {
        if (!isOwn && !isAtOnce) return `${by} has not heard of all of ${key}`;
        const shown = outcome.ok ? figures(outcome as GetReply) : outcome.code;
        const push = this.#pushed.get(`${by} ${key}`);
        if (push !== undefined && push.availableToSell !== truth.availableToSell) {
          return `who watches ${key} at ${by} was told ${push.availableToSell} last, of ${figures(truth)}`;
        }
        if (shown !== figures(truth)) return `${by} shows ${key} as ${shown}, ${own.by} as ${figures(truth)}`;
      }
    }
    for (const [key, { region, sku, pool }] of parts) {
      for (const { region: to, given } of pool?.regions ?? []) {
        const taken = parts.get(`${to}/${sku}`)?.pool?.regions.find((account) => account.region === region)?.taken ?? 0;
        if (taken !== given) return `${given - taken} units of ${key} are on their way to ${to}`;
      }
    }
    return undefined;
  }
}

function figures({ version, onHand, reserved, allocated, availableToSell }: AvailabilityView): string {
  return `(${version.epoch}, ${version.seq}) ${onHand}/${reserved}/${allocated}/${availableToSell}`;
}
