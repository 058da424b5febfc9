// All bounds of exceptions, with their reasons.

/** Rules of one policy: more cannot be read by a person, and each decision may try all of a kind. */
export const RULES_MAX = 500;
/** Nodes of one condition's syntax tree: what is longer belongs in several rules. */
export const CONDITION_NODES_MAX = 500;
export const CONDITION_DEPTH_MAX = 32;
/** Alternatives that a condition is multiplied out to when rules are compared; beyond it nothing is claimed about it. */
export const ALTERNATIVES_MAX = 128;
/** Characters of a policy file: read whole, before anything of it is known. */
export const POLICY_CHARACTERS_MAX = 1_000_000;
/** Decisions on one exception: what is not settled after so many goes to a person. */
export const DECISIONS_MAX = 64;
/** Exceptions remembered of one order. Beyond it everything of the order goes to a person. */
export const EXCEPTIONS_MAX = 64;
/** Words in a list of facts (actions possible, actions that failed): there are only twelve actions. */
export const LIST_MAX = 32;
/** Characters of a name or id in a situation: as the wire has them, and an order's id before it. */
export const NAME_CHARACTERS_MAX = 128;
/** Characters of one line of history: an order's whole journey, of which orders/order keeps 4 MiB at most. */
export const HISTORY_LINE_CHARACTERS_MAX = 8 * 1_024 * 1_024;
/** Ids that a report names of each sort; the counts are of all. */
export const IDS_SHOWN_MAX = 20;
/** Events of one history, which is held whole: each has a situation and what was weighed, some 4 KB. A longer one is looked at in parts. */
export const HISTORY_EVENTS_MAX = 200_000;
