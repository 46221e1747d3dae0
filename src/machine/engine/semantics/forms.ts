/** All forms. The order of definition is the order of handler numbers. */
import { defineControl } from './control.ts';
import { defineInteger } from './integer.ts';
import { defineMulDiv } from './muldiv.ts';
import { type Form, FormTable } from './registry.ts';
import { defineShift } from './shift.ts';
import { defineString } from './string.ts';
import { defineSystem } from './system.ts';

export function allForms(): readonly Form[] {
  const t = new FormTable();
  defineInteger(t);
  defineShift(t);
  defineMulDiv(t);
  defineControl(t);
  defineString(t);
  defineSystem(t);
  return [...t.forms.values()];
}
