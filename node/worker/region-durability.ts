// What the acknowledgements of a region survive while its members may be started with different durabilities: the
// weakest of them, said loudly when they differ. The levels are in the view of the members.
import { durabilitiesOf, find, type Member, replace } from '../../cluster/members.ts';
import type { Membership } from '../../cluster/membership.ts';
import type { Durability } from '../../protocol/index.ts';

export interface RegionDurabilityDeps {
  readonly region: string;
  /** Of this worker's store. */
  readonly own: Durability;
  readonly membership: Membership;
  readonly log: (line: string) => void;
}

export class RegionDurability {
  readonly #deps: RegionDurabilityDeps;
  /** The levels when they differed last: said once, not at each view. */
  #mixed = '';

  constructor(deps: RegionDurabilityDeps) {
    this.#deps = deps;
    deps.membership.onChange(() => this.#warn());
  }

  /** Of the region: a reply may come from any of its members. */
  get weakest(): Durability {
    return durabilitiesOf(this.#deps.membership.view)[0] ?? this.#deps.own;
  }

  /** Writes this worker's level into its entry again: a member of earlier software leaves out what it does not know. */
  async restore({ id, joinedAt, durability: known }: Member): Promise<void> {
    const { own: durability, membership } = this.#deps;
    if (known === durability) return;
    await membership.update((view) => {
      const self = find(view, id);
      return self?.joinedAt === joinedAt ? replace(view, id, { ...self, durability }) : view;
    });
  }

  #warn(): void {
    const { region, membership, log } = this.#deps;
    const levels = durabilitiesOf(membership.view);
    const mixed = levels.length > 1 ? levels.join(' and ') : '';
    if (mixed !== '' && mixed !== this.#mixed) {
      const each = membership.view.members.map(({ id, durability }) => `${id} ${durability ?? 'unknown'}`).join(', ');
      log(
        `WARNING: the workers of ${region} acknowledge at different durabilities (${each}): the region promises the ` +
          `weakest, ${levels[0]}, until all of them are started with the same`,
      );
    }
    this.#mixed = mixed;
  }
}
