/** The browser bundle in a context that has what a worker has and nothing of Node: it must come up, read, write and decode. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import { build } from 'esbuild';
import { BROWSER, ICED_WASM } from './library.ts';

const built = await build({ ...BROWSER, write: false, format: 'iife', globalName: 'perfglass', metafile: true, outdir: '/' });
const script = new vm.Script(`${built.outputFiles?.[0]?.text ?? ''};globalThis.perfglass = perfglass;`);

type Library = typeof import('#formats/library.ts');
function load(): Library {
  const context = vm.createContext({ TextDecoder, TextEncoder });
  script.runInContext(context);
  return (context as { perfglass: Library }).perfglass;
}

test('the browser bundle imports nothing', () => {
  for (const [file, input] of Object.entries(built.metafile?.inputs ?? {}))
    for (const i of input.imports) assert.ok(i.external !== true, `${file} imports ${i.path}`);
});

test('the browser bundle writes, reads and, given the wasm, decodes', () => {
  const p = load();
  const attr = p.makeAttr({ sample_type: p.PERF_SAMPLE.IP | p.PERF_SAMPLE.TID, sample_period: 7n });
  const bytes = p.writePerfData({ events: [{ attr, name: 'cycles' }] }, [{ sample: { ip: 0x401000n, pid: 1, tid: 1 } }]);
  const { records, recording, damage } = p.readPerfData(bytes);
  assert.equal(damage, undefined);
  assert.equal(recording.events[0]?.name, 'cycles');
  assert.equal(records.find((r) => r.sample !== undefined)?.sample?.ip, 0x401000n);

  const code = [{ start: 0x401000n, bytes: Uint8Array.of(0x90, 0x0f, 0x05), name: 'demo' }];
  const trace = new p.PtWriter().psb().modeExec(64).fup(0x401000n).psbend().pgd().toBytes();
  assert.throws(() => [...p.decodePt(trace, code)], { message: /call initDecoder/ });
  p.initDecoder(new Uint8Array(readFileSync(ICED_WASM)));
  const insns = [...p.decodePt(trace, code)].reduce((n, item) => n + ('insns' in item ? item.insns : 0), 0);
  assert.equal(insns, 2);
});
