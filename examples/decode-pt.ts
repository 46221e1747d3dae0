/** Decodes a small Processor Trace, made here by hand: `node examples/decode-pt.ts`. */
import { decodePt, PtWriter } from 'perfglass';

// 401000: call 401010; jz 401008; nop; 401008: nop; syscall … 401010: nop; ret
const code = Uint8Array.from([0xe8, 0x0b, 0, 0, 0, 0x74, 0x01, 0x90, 0x90, 0x0f, 0x05, 0, 0, 0, 0, 0, 0x90, 0xc3]);
const trace = new PtWriter().psb().modeExec(64).fup(0x401000n).psbend().tnt('TN').pgd().toBytes(); // the return; jz not taken; syscall
for (const item of decodePt(trace, [{ start: 0x401000n, bytes: code, name: 'demo' }])) {
  if ('event' in item)
    console.log(`${item.event.kind} at byte ${item.event.offset}${item.event.cause === undefined ? '' : `: ${item.event.cause}`}`);
  else console.log(`${item.insns} instructions from 0x${item.start.toString(16)} to 0x${item.last.toString(16)}`);
}
