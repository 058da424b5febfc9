// Which characters a name or a text of the wire contract may have. Knows no fields and no bounds.
import { codeUnitAt } from './code-units.ts';

/** Everything that leaves ink and takes no room for itself: no spaces, controls, format characters, surrogates. */
const NAME = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u;
const TEXT = /^[^\p{Cc}\p{Cs}]+$/u;

/**
 * True for a name of 1 to `lengthMax` UTF-16 units, printable and without spaces. Any script is allowed; invisible
 * characters are not, because two names that look alike should be alike. Names are compared unit by unit: nothing
 * is normalised, folded or trimmed.
 */
export function isName(value: string, lengthMax: number): boolean {
  const { length } = value;
  if (length === 0 || length > lengthMax) return false;
  for (let i = 0; i < length; i++) {
    const unit = codeUnitAt(value, i);
    if (unit > 0x7e) return NAME.test(value);
    if (unit < 0x21) return false;
  }
  return true;
}

/** True for a text of 1 to `lengthMax` UTF-16 units without control characters and lone surrogates. */
export function isText(value: string, lengthMax: number): boolean {
  const { length } = value;
  if (length === 0 || length > lengthMax) return false;
  for (let i = 0; i < length; i++) {
    const unit = codeUnitAt(value, i);
    if (unit > 0x7e) return TEXT.test(value);
    if (unit < 0x20) return false;
  }
  return true;
}
