// The code units of strings, for the loops that every request goes through. V8 keeps strings in a dozen shapes (whole, cut
// out, put together, shared, external). Where many of them come by, each `text.charCodeAt` and `text.length` is looked up
// anew, which costs ten times what the character does. A function that is known beforehand is not looked up; the length is
// to be taken once, before the loop.

const { charCodeAt } = String.prototype;

/** The code unit at an index, NaN beyond the end: what `text.charCodeAt(index)` gives. */
export function codeUnitAt(text: string, index: number): number {
  return charCodeAt.call(text, index);
}
