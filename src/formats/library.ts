/**
 * What `import … from 'perfglass'` gives: recordings in and out, symbols, Processor Trace, exports. The only file that re-exports; the
 * rest of the house imports from where a thing is. Nothing here needs Node: tools/library.ts builds one bundle for Node and one for
 * browsers (a worker, best). Units and shapes stand at each type; errors are `FormatError {offset, what}`.
 */
import * as iced from 'iced-x86';

export { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
export { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
export { FormatError } from '#base/format-error.ts';
export { buildId, type ElfFile, type ElfSegment, type ElfSymbol, loadSegments, readElf, readSymbols } from './elf/reader.ts';
export { toFirefox } from './export/firefox.ts';
export { toFolded } from './export/folded.ts';
export { toFxt } from './export/fxt.ts';
export { type ExportFrame, type ExportSample, type ExportSlice, slicesOfSamples } from './export/model.ts';
export { toPerfetto } from './export/perfetto.ts';
export { toPprof } from './export/pprof.ts';
export { toSpeedscope } from './export/speedscope.ts';
export type { Dso, MapEntry } from './perf-data/address-map.ts';
export { makeAttr, type PerfEventAttr } from './perf-data/attr.ts';
export { RECORD_NAMES, USER_RECORD } from './perf-data/constants.ts';
export type { RecordCursor } from './perf-data/cursor.ts';
export type { Features } from './perf-data/features.ts';
export {
  decodeRecord,
  type OpenOptions,
  openPerfData,
  openPerfDataSync,
  type PerfData,
  type PerfRecord,
  readPerfData,
  type SampleId,
  type ScanOptions,
  type ScanResult,
  type SyncPerfData,
} from './perf-data/read.ts';
export type { KernelRecord } from './perf-data/records.ts';
export type { EventEntry, Recording } from './perf-data/recording.ts';
export { type EventReport, Reporter, type ReportOptions, type ReportRow } from './perf-data/report.ts';
export { type BranchEntry, decodeSample, type Sample } from './perf-data/sample.ts';
export type { RecordSink } from './perf-data/scan.ts';
export { Session, type Thread } from './perf-data/session.ts';
export { type ByteSource, chunkSource, type Inflate, memorySource, type SyncByteSource } from './perf-data/source.ts';
export type { UserRecord } from './perf-data/user-records.ts';
export {
  type ByteSink,
  MemorySink,
  PerfDataWriter,
  type WriteRecord,
  writePerfData,
  type WriterEvent,
  type WriterOptions,
} from './perf-data/write.ts';
export { CodeImage, type CodeRegion } from './pt/code-image.ts';
export { PtCollector } from './pt/collect.ts';
export { decodePt, type PtBlockItem, type PtEventItem } from './pt/decode.ts';
export type { PtEvent, PtEventKind } from './pt/events.ts';
export { PtFlow, type PtFlowOptions } from './pt/flow.ts';
export { parseItrace } from './pt/itrace-options.ts';
export { dumpPackets } from './pt/packet-dump.ts';
export { PtWriter } from './pt/packet-writer.ts';
export { decodeSession, type PtSessionInput } from './pt/session.ts';
export type { SynthEvent } from './pt/synth.ts';
export type { CodeProvider, CodeRequest } from './pt/world.ts';
export { parseKallsyms, parsePerfMap, symbolsOfElf, SymbolTable } from './symbols/table.ts';
export type { ResolvedSymbol, SymbolResolver } from './symbols-port.ts';

/**
 * Hands iced-x86's WebAssembly to the decoder: the bytes of `perfglass/iced_x86_bg.wasm`. A browser must call it once before code is
 * decoded (`decodePt`, `PtFlow`, `decodeSession`); reading and writing perf.data does not need it. In Node nothing happens: iced-x86
 * reads its file itself. Throws WebAssembly.CompileError for other bytes.
 */
export function initDecoder(wasm: Uint8Array): void {
  // only the browser bundle's iced-x86 has this door (tools/library.ts)
  (iced as { perfglassInit?: (bytes: Uint8Array) => void }).perfglassInit?.(wasm);
}
