/**
 * File names and arguments are bytes; inside they are strings. UTF-8 decodes as usual, a byte that is not part of valid UTF-8 becomes
 * the lone surrogate U+DC00 + byte (as Python's surrogateescape), so that every name survives the way in and out.
 */

const ESCAPE = 0xdc00;

/** Length of a valid sequence at `i`, 0 if there is none. RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
function sequenceLength(b: Uint8Array, i: number): number {
  const c = b[i] as number;
  const cont = (k: number): boolean => ((b[i + k] ?? 0) & 0xc0) === 0x80;
  if (c >= 0xc2 && c <= 0xdf) return cont(1) ? 2 : 0;
  const second = b[i + 1] ?? 0;
  if (c >= 0xe0 && c <= 0xef) {
    if (!cont(1) || !cont(2)) return 0;
    if (c === 0xe0 && second < 0xa0) return 0;
    return c === 0xed && second >= 0xa0 ? 0 : 3;
  }
  if (c >= 0xf0 && c <= 0xf4) {
    if (!cont(1) || !cont(2) || !cont(3)) return 0;
    if (c === 0xf0 && second < 0x90) return 0;
    return c === 0xf4 && second >= 0x90 ? 0 : 4;
  }
  return 0;
}

/** The string of `bytes`; `encodeUtf8` gives exactly these bytes back. */
export function decodeUtf8(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; ) {
    const c = bytes[i] as number;
    if (c < 0x80) {
      out += String.fromCharCode(c);
      i++;
      continue;
    }
    const length = sequenceLength(bytes, i);
    if (length === 0) {
      out += String.fromCharCode(ESCAPE + c);
      i++;
      continue;
    }
    let point = c & (0x7f >> length);
    for (let k = 1; k < length; k++) point = (point << 6) | ((bytes[i + k] as number) & 0x3f);
    out += String.fromCodePoint(point);
    i += length;
  }
  return out;
}

export const isEscapedByte = (unit: number): boolean => unit >= ESCAPE + 0x80 && unit <= ESCAPE + 0xff;

/** The bytes of `text`; lone surrogates U+DC80-U+DCFF are the bytes they stand for. */
export function encodeUtf8(text: string): Uint8Array {
  const out = new Uint8Array(text.length * 3);
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) as number;
    if (point < 0x80) {
      out[n++] = point;
    } else if (point < 0x800) {
      out[n++] = 0xc0 | (point >> 6);
      out[n++] = 0x80 | (point & 0x3f);
    } else if (isEscapedByte(point)) {
      out[n++] = point - ESCAPE;
    } else if (point < 0x1_0000) {
      out[n++] = 0xe0 | (point >> 12);
      out[n++] = 0x80 | ((point >> 6) & 0x3f);
      out[n++] = 0x80 | (point & 0x3f);
    } else {
      out[n++] = 0xf0 | (point >> 18);
      out[n++] = 0x80 | ((point >> 12) & 0x3f);
      out[n++] = 0x80 | ((point >> 6) & 0x3f);
      out[n++] = 0x80 | (point & 0x3f);
      i++;
    }
  }
  return out.slice(0, n);
}

/** Length of `encodeUtf8(text)` without making it. */
export function utf8Length(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (isEscapedByte(unit) && !(i > 0 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800)) continue;
    n += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return n;
}

/** The order of strcmp on the names' UTF-8 bytes: by code point, escaped bytes (U+DC80-U+DCFF) last. */
export function compareNames(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}
/** Surrogate pairs (above U+FFFF) sort behind U+E000-U+FFFF. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit);
