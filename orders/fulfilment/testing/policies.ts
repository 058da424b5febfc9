// Policies of tests, as people write them.
import { parsePolicy } from '../../exceptions/policy.ts';
import { EXCEPTION_KINDS } from '../../order/kinds.ts';

/** A policy with one rule for a kind; the others escalate. */
export function policyOf(kind: string, rule: string) {
  // A rule that always applies leaves nothing to another.
  const rest = rule.startsWith('when: "true"') ? EXCEPTION_KINDS.filter((one) => one !== kind) : EXCEPTION_KINDS;
  const others = rest.map((one) => `  - { id: ${one}, kind: ${one}, when: 'true', allow: [escalate] }`);
  return parsePolicy(
    [
      'version: test-1',
      'hysteresis: { dwellMs: 0 }',
      'rules:',
      `  - { id: tried, kind: ${kind}, ${rule} }`,
      ...others,
    ].join('\n'),
  );
}
