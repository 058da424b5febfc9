// Opens an exception, at most one of a kind about a package at a time, with the task by which a policy settles it.
import type { Draft } from './draft.ts';
import type { ExceptionKind, Fields, OrderState, Units } from './types.ts';

interface NewException {
  readonly kind: ExceptionKind;
  readonly packageId?: string;
  readonly evidence: Fields;
  /** Units of the package that wait for what is decided. */
  readonly units?: readonly Units[];
}

/** False: there is one already, and nothing was added. */
export function openException(
  state: OrderState,
  draft: Draft,
  { kind, packageId, evidence, units }: NewException,
): boolean {
  const hasUnits = units !== undefined && units.length > 0;
  for (const one of state.exceptions.values()) {
    const isOpen = one.state !== 'SETTLED' && !draft.settles(one.exceptionId);
    if (!hasUnits && isOpen && one.kind === kind && one.packageId === packageId) return false;
  }
  const exceptionId = `e${state.exceptions.size + draft.count('exceptionOpened') + 1}`;
  draft.add(
    'exceptionOpened',
    {
      exceptionId,
      kind,
      ...(packageId === undefined ? {} : { packageId }),
      evidence,
      ...(hasUnits ? { units } : {}),
    },
    { opens: [{ kind: 'settle', key: exceptionId }] },
  );
  return true;
}
