/** `perfglass record`: runs a program on the modelled processor and writes its samples as perf.data, in perf record's manner. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, constants as zlib } from 'node:zlib';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { Compression } from '#formats/perf-data/write.ts';
import { DrainedRing, FlightRing } from '#kernel/perf/record-ring.ts';
import { isObservedEvent } from '#system/events/modelled.ts';
import { type EventGroup, parseEvents } from '#system/events/parse.ts';
import { Session } from '#system/session.ts';
import { CANNOT_RUN, CliError, type DefineCommand, NOT_FOUND, USAGE } from '../command.ts';
import { exitCodeOf } from '../exit-code.ts';
import { loadInterpreter } from '../interpreter.ts';
import { modelSettings } from '../models-options.ts';
import { eventError, handlerOption, latencyOption, modelList, modelOption, numberOption, watchInterrupt } from '../options.ts';
import { planEvents, type Wanted } from '../record/attrs.ts';
import { kallsyms, kernelBuildIdText } from '#kernel/text/symbols.ts';
import { buildIds, clockFeatures, featuresOf, KERNEL_DSO } from '../record/features.ts';
import { ledgerText } from '../record/ledger.ts';
import { declareOptions, type RecordOptions, wantedOf } from '../record/options.ts';
import { openOutput, OutputFailure, type RecordingSink } from '../record/output.ts';
import { openEvents, type Opened, Recorder, type Rings } from '../record/recorder.ts';
import { makeManifest, type Observed, writeManifest } from '../manifest/manifest.ts';
import { optionsOf } from '../world/options.ts';
import { makeWorld, type World } from '../world/world.ts';

const PAGE = 4096;
/** Instructions between two looks at the ring. */
const STEP = 1_000_000;
const DEFAULT_PAGES = 128;
/**
 * Modelled ns from the wakeup (half the ring is full) until the reader has emptied it: another processor's wakeup and copy. Without it no ring
 * could ever be too small.
 */
const READER_LATENCY_NS = 50_000;
const DEFAULT_MEMORY = 1024 * 1_048_576;

export const define: DefineCommand = (program, setExit) => {
  declareOptions(program, async (command, options, argv) => {
    setExit(await record(command, options, argv));
  });
};

async function record(command: readonly string[], o: RecordOptions, argv: readonly string[]): Promise<number> {
  if (o.cpu === 'list') {
    process.stdout.write(modelList());
    return 0;
  }
  const model = modelOption(o.cpu);
  const wanted = wantedOf(o);
  const handler = handlerOption(o.pmi, model);
  const pmiLatency = latencyOption(o.pmiLatency);
  const seed = numberOption('--seed', o.seed, 0, 0xffff_ffff) ?? 0;
  const memoryMib = numberOption('--memory', o.memory, 16, 4096);
  const maxSampleRate = numberOption('--max-sample-rate', o.maxSampleRate, 1, 1_000_000_000) ?? 100_000;
  const pages = ringPages(o.mmapPages);
  const compression = compressionOf(o.compressionLevel);
  const models = modelSettings(o);
  const planned = planEvents(groupsOf(o.event, model), wanted, parseEvents('dummy:u', model)[0]);
  if (command.length === 0)
    throw new CliError("what to record? perfglass record [options] -- COMMAND [ARGS] ('perfglass record --help')", USAGE);
  const name = o.output ?? 'perf.data';
  const pipe = name === '-';
  // As perf: with the recording on standard output the program's own goes to standard error.
  const world = makeWorld(o, command, pipe ? 2 : 1);

  const signals = watchInterrupt();
  try {
    loadInterpreter();
    const session = new Session({
      model,
      handler,
      host: world.host,
      seed,
      interrupted: signals.interrupted,
      uid: world.uid,
      gid: world.gid,
      umask: world.umask,
      files: world.files,
      maxSampleRate,
      ...models,
      models: models.models || planned.some((p) => isObservedEvent(p.spec, model)),
      ...(pmiLatency === undefined ? {} : { pmiLatency }),
      ...(memoryMib === undefined ? {} : { memoryBytes: memoryMib * 1_048_576 }),
    });
    world.attach(session);
    const failure = session.start(world.program);
    if (failure !== undefined) throw new CliError(failure + world.where, session.programMissing ? NOT_FOUND : CANNOT_RUN);
    const rings: Rings = {
      ring: new DrainedRing(pages * PAGE),
      flight: wanted.overwrite ? new FlightRing(pages * PAGE) : undefined,
    };
    const opened = openEvents(session, planned, rings, wanted.target);
    // What no execve of the command enables.
    if (wanted.target.kind !== 'command') for (const { event } of opened) session.perf.operations.enable(event);
    const sink = openOutput(name);
    const memoryBytes = memoryMib === undefined ? DEFAULT_MEMORY : memoryMib * 1_048_576;
    const branches = planned.some((p) => (p.attr.branch_sample_type ?? 0n) !== 0n);
    const attr = planned[0]?.attr;
    const features = {
      ...featuresOf(model, memoryBytes, argv, planned, branches),
      ...(wanted.clock === undefined || attr === undefined ? {} : clockFeatures(attr, BigInt(session.nowNs()))),
    };
    let recorder: Recorder | undefined;
    let trouble: OutputFailure | undefined;
    let observed: Observed | undefined;
    try {
      recorder = new Recorder({ sink, pipe, planned, opened, rings, features, compression });
      recorder.kernelMapping(session.kernel.image);
      session.announce();
      recorder.drain();
      await runToEnd(session, recorder, rings.ring, signals.breathe);
      recorder.drainFlight();
      observed = world.finish();
      finish(recorder, session, pipe, world);
    } catch (e) {
      if (!(e instanceof OutputFailure)) throw e;
      trouble = e;
      recorder?.writer.salvage(sink.size);
    } finally {
      sink.close();
    }
    const exit = trouble !== undefined || session.result === undefined ? 1 : exitCodeOf(session.result);
    if (o.inputs !== undefined && observed !== undefined && recorder !== undefined) {
      const options = optionsOf(o, {
        cpu: model.name,
        pmi: handler.name,
        inherit: o.inherit,
        ...samplingOptions(wanted),
        'max-sample-rate': maxSampleRate,
        ring: pages,
      });
      const counts = opened.map(({ planned: p, event }) => ({
        event: p.spec.name,
        value: Number(session.read(event).values[0]?.value ?? 0n),
      }));
      const recording = { sha256: pipe ? 'not kept: standard output' : hashOf(name), bytes: sink.size, samples: recorder.samples };
      writeManifest(o.inputs, makeManifest(world, observed, { command: 'record', options, counts, recording, exit }));
    }
    for (const line of session.messages()) process.stderr.write(`perfglass: ${line}\n`);
    if (recorder !== undefined) report(o, name, recorder, session, opened, sink);
    if (trouble !== undefined) {
      process.stderr.write(`perfglass: ${name}: ${trouble.code}: the recording ends here, after ${sink.size} bytes; they stay readable\n`);
    }
    return exit;
  } finally {
    signals.release();
  }
}

async function runToEnd(session: Session, recorder: Recorder, ring: DrainedRing, breathe: () => Promise<void>): Promise<void> {
  let last = performance.now();
  let wokenAt: number | undefined;
  for (;;) {
    const result = session.step(STEP);
    if (ring.wantsReader) wokenAt ??= session.nowNs();
    if (result !== undefined || (wokenAt !== undefined && session.nowNs() >= wokenAt + READER_LATENCY_NS)) {
      wokenAt = undefined;
      recorder.drain();
    }
    if (result !== undefined) return;
    const now = performance.now();
    if (now - last < 50) continue;
    await breathe();
    last = performance.now();
  }
}

function finish(recorder: Recorder, session: Session, pipe: boolean, world: World): void {
  const ids = buildIds(recorder.files, world.readFile, recorder.kernelSamples > 0 ? session.kernel.image : undefined);
  recorder.writer.addFeatures({ buildIds: ids, ...(pipe ? {} : { sampleTime: recorder.times }) });
  recorder.writer.finish();
}

/** What perf record says at its end, and the ledger. */
function report(
  o: RecordOptions,
  name: string,
  recorder: Recorder,
  session: Session,
  opened: readonly Opened[],
  sink: RecordingSink,
): void {
  const say = (text: string): void => {
    if (o.quiet !== true) process.stderr.write(`[ perfglass record: ${text} ]\n`);
  };
  if (recorder.kernelSamples > 0 && o.buildidCache) cacheKernelSymbols(session);
  if (o.kallsyms !== undefined) write(o.kallsyms, kallsyms(session.kernel.image));
  say(`Woken up ${recorder.wakeups} times to write data`);
  const size = (sink.size / 1_048_576).toFixed(3);
  say(`Captured and wrote ${size} MB ${name === '-' ? '-' : name} (${recorder.samples} samples)`);
  if (recorder.lost > 0n) process.stderr.write(`perfglass: ${recorder.lost} records found no room in the ring (-m gives more)\n`);
  if (o.overwrite === true) {
    const delivered = opened.reduce((n, { event }) => n + session.account(event).samples.delivered, 0);
    say(`${delivered - recorder.samples} older samples were overwritten`);
  }
  for (const pid of session.perf.futures.keys()) process.stderr.write(`perfglass: no task had pid ${pid}: nothing was recorded of it\n`);
  const text = ledgerText(session, opened);
  if (o.ledger === true || o.verbose === true) process.stderr.write(text);
  else if (typeof o.ledger === 'string') write(o.ledger, text);
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (e) {
    throw new CliError(`cannot write ${file}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
  }
}

/** perf record keeps /proc/kallsyms in its build-id cache when the kernel was hit; perf looks there for it by the recording's build id. */
function cacheKernelSymbols(session: Session): void {
  const home = process.env['HOME'];
  if (home === undefined) return;
  const dir = join(home, '.debug', KERNEL_DSO, kernelBuildIdText(session.kernel.image));
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'kallsyms'), kallsyms(session.kernel.image));
  } catch (e) {
    process.stderr.write(`perfglass: kernel symbols not kept in ${dir}: ${(e as NodeJS.ErrnoException).code ?? 'error'}\n`);
  }
}

/** What of the options decides the samples, for the manifest. */
const samplingOptions = (w: Wanted): Record<string, string | number> => ({
  ...(w.period === undefined ? { frequency: w.frequency } : { period: String(w.period) }),
  'call-graph': w.callGraph?.mode ?? 'none',
  branches: String(w.branches ?? 'none'),
});

/** SHA-256 of the records alone, perf_file_header's data section: the command line in the features names the file itself. */
function hashOf(file: string): string {
  const bytes = readFileSync(file);
  const [at, size] = [Number(bytes.readBigUInt64LE(40)), Number(bytes.readBigUInt64LE(48))];
  return createHash('sha256')
    .update(bytes.subarray(at, at + size))
    .digest('hex');
}

function groupsOf(lists: readonly string[] | undefined, model: CpuModel): EventGroup[] {
  try {
    return (lists ?? ['cycles']).flatMap((text) => parseEvents(text, model));
  } catch (e) {
    throw eventError(e);
  }
}

/** -m: pages, or a size with its unit; a power of two as mmap wants it. */
function ringPages(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PAGES;
  const [, digits, unit] = /^(\d{1,9})([BKMGbkmg]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new CliError(`-m '${text}': a number of pages, or a size as 512K or 4M`, USAGE);
  const scale = { '': PAGE, B: 1, K: 1024, M: 1_048_576, G: 1_073_741_824 }[(unit ?? '').toUpperCase()] ?? PAGE;
  const wanted = Math.max(1, Math.ceil((Number(digits) * scale) / PAGE));
  const pages = 2 ** Math.ceil(Math.log2(wanted));
  if (Number(digits) === 0) throw new CliError(`-m ${text}: a ring has at least one page`, USAGE);
  if (pages !== wanted) process.stderr.write(`perfglass: -m ${text}: rounded to ${pages} pages, a power of two\n`);
  if (pages > 262_144) throw new CliError(`-m ${text}: at most 1G`, USAGE);
  return pages;
}

function compressionOf(level: string | true | undefined): Compression | undefined {
  if (level === undefined) return undefined;
  const n = level === true ? 1 : numberOption('-z', level, 1, 22);
  return { level: n ?? 1, deflate: (bytes) => zstdCompressSync(bytes, { params: { [zlib.ZSTD_c_compressionLevel]: n ?? 1 } }) };
}
