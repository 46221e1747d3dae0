/**
 * What decodes in 64-bit mode without VEX or EVEX has a form, or stands here with its reason: docs/machine/instructions.md says the same in words.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Decoder, DecoderOptions, EncodingKind, Instruction } from 'iced-x86';
import { allForms } from '../semantics/forms.ts';
import { MNEMONICS, shapeOf } from './operands.ts';

const ABSENT: Readonly<Record<string, string>> = {
  'AMD: SVM, SSE4A, SEV and others':
    'clgi invlpga stgi skinit vmload vmmcall vmrun vmsave extrq insertq movntsd movntss femms clzero monitorx mwaitx rdpru mcommit ' +
    'invlpgb tlbsync psmash pvalidate rmpadjust rmpquery rmpupdate vmgexit',
  VIA: 'ccs_encrypt ccs_hash undoc xcryptcbc xcryptcfb xcryptctr xcryptecb xcryptofb xsha1 xsha256 xsha512 xsha512_alt xstore xstore_alt',
  'no model has it':
    'aadd aand aor axor aesdec128kl aesdec256kl aesdecwide128kl aesdecwide256kl aesenc128kl aesenc256kl aesencwide128kl aesencwide256kl ' +
    'encodekey128 encodekey256 loadiwkey enqcmd enqcmds erets eretu hreset lkgs pbndkb pconfig rdmsrlist wrmsrlist wrmsrns seamcall seamops ' +
    'seamret tdcall clui stui testui uiret senduipi xresldtrk xsusldtrk',
  'CET is off': 'clrssbsy incsspd incsspq rstorssp saveprevssp setssbsy wrssd wrssq wrussd wrussq',
  'protection keys and SMAP are off in CR4': 'rdpkru wrpkru clac stac',
  'transactional memory is off, as microcode has it': 'xabort xbegin xend xtest',
  'SGX, SMX and SMM are not modelled': 'encls enclu enclv getsec getsecq rsm',
  'VMX comes with virtual machines': 'invept invvpid vmcall vmclear vmfunc vmlaunch vmptrld vmptrst vmread vmresume vmwrite vmxoff vmxon',
  'the PT block is not there: CPUID tells it': 'ptwrite',
  'there is no compatibility mode behind it': 'sysenter sysexit sysexitq',
  'far pointers into segment registers; nobody has used them since 1995': 'lfs lgs lss',
  undocumented: 'fstpnce',
};
const KEYS: ReadonlySet<string> = new Set(allForms().map((f) => f.key));
const PREFIXES = [[], [0x66], [0xf3], [0xf2], [0x48], [0x66, 0x48], [0xf3, 0x48], [0xf2, 0x48], [0x67], [0x64]] as const;
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const;
/** One memory operand per /digit, all register forms. */
const MODRM: readonly number[] = [...Array.from({ length: 8 }, (_, i) => i << 3), ...Array.from({ length: 64 }, (_, i) => 0xc0 + i)];
const SLOT = 16;

/** Mnemonics that decode and have no form. */
function missing(): Set<string> {
  const out = new Set<string>();
  const i = new Instruction();
  const bytes = new Uint8Array(256 * MODRM.length * SLOT);
  for (const prefix of PREFIXES) {
    for (const map of MAPS) {
      const head = [...prefix, ...map];
      for (let op = 0; op < 256; op++)
        for (const [k, modrm] of MODRM.entries()) bytes.set([...head, op, modrm, 0x11, 0x22, 0x33, 0x44], (op * MODRM.length + k) * SLOT);
      const d = new Decoder(64, bytes, DecoderOptions.None);
      for (let at = 0; at < bytes.length; at += SLOT) {
        d.position = at;
        d.decodeOut(i);
        if (i.code === Code.INVALID || i.encoding !== EncodingKind.Legacy) continue;
        if (!shapeOf(i, false).keys.some((key) => KEYS.has(key))) out.add(MNEMONICS[i.mnemonic] as string);
      }
      d.free();
    }
  }
  i.free();
  return out;
}

test('every instruction of 64-bit mode below AVX has a form, or is absent for a reason', () => {
  const known = new Set(Object.values(ABSENT).flatMap((list) => list.split(' ')));
  assert.deepEqual([...missing()].filter((name) => !known.has(name)).sort(), []);
});
