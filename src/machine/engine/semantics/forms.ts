/** All forms. The order of definition is the order of handler numbers. */
import { defineAvx } from './avx.ts';
import { defineBmi } from './bmi.ts';
import { defineCrypto } from './crypto.ts';
import { defineControl } from './control.ts';
import { defineInteger } from './integer.ts';
import { defineMulDiv } from './muldiv.ts';
import { defineMmx } from './mmx.ts';
import { type Form, FormTable } from './registry.ts';
import { defineSseConvert } from './sse-convert.ts';
import { defineSseFloat } from './sse-float.ts';
import { defineSseInteger } from './sse-int.ts';
import { defineSseMove } from './sse-move.ts';
import { defineSse3 } from './sse3.ts';
import { defineSse4 } from './sse4.ts';
import { defineShift } from './shift.ts';
import { defineString } from './string.ts';
import { defineSystem } from './system.ts';
import { defineX87 } from './x87.ts';

export function allForms(): readonly Form[] {
  const t = new FormTable();
  defineInteger(t);
  defineShift(t);
  defineMulDiv(t);
  defineBmi(t);
  defineControl(t);
  defineString(t);
  defineSseMove(t);
  defineSseInteger(t);
  defineSseFloat(t);
  defineSseConvert(t);
  defineSse3(t);
  defineSse4(t);
  defineCrypto(t);
  defineMmx(t);
  defineX87(t);
  defineSystem(t);
  defineAvx(t);
  return [...t.forms.values()];
}
