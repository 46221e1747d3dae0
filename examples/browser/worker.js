// Reads a recording (a File or Blob, never whole in memory) and decodes a small Processor Trace, in a worker.
import { decodePt, initDecoder, openPerfData, PERF_RECORD, PtWriter } from '../../dist/library.browser.js';

// Once, before code is decoded. Not awaited here: a worker that has not set onmessage yet loses what is posted.
const ready = fetch('../../dist/iced_x86_bg.wasm').then(async (wasm) => initDecoder(new Uint8Array(await wasm.arrayBuffer())));

self.onmessage = async ({ data: blob }) => {
  try {
    const recording = await openPerfData({
      size: blob.size,
      read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
    });
    let samples = 0;
    const end = await recording.scan({ record: (cursor) => void (samples += cursor.type === PERF_RECORD.SAMPLE ? 1 : 0) });
    const names = recording.recording.events.map((e) => e.name).join(', ');

    const code = Uint8Array.from([0xe8, 0x0b, 0, 0, 0, 0x74, 0x01, 0x90, 0x90, 0x0f, 0x05, 0, 0, 0, 0, 0, 0x90, 0xc3]);
    const trace = new PtWriter().psb().modeExec(64).fup(0x401000n).psbend().tnt('TN').pgd().toBytes();
    await ready;
    let insns = 0;
    for (const item of decodePt(trace, [{ start: 0x401000n, bytes: code, name: 'demo' }])) if ('insns' in item) insns += item.insns;

    self.postMessage(`${samples} samples of ${names}${end.damage ? `; ${end.damage.message}` : ''}\n${insns} traced instructions`);
  } catch (error) {
    self.postMessage(`error: ${error.message}`);
  }
};
