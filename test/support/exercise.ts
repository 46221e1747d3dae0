/** Everything that our readers do with a file, in one call: for mutated files. */
import { TextBuffer } from '#base/text-buffer.ts';
import { FormatError } from '#base/format-error.ts';
import { RecordDumper } from '#formats/perf-data/dump.ts';
import { headerText } from '#formats/perf-data/header-text.ts';
import { Inspector, inspectText, summarize } from '#formats/perf-data/inspect.ts';
import { decodeRecord, openPerfDataSync } from '#formats/perf-data/read.ts';
import { Reporter } from '#formats/perf-data/report.ts';
import { eventReportText } from '#formats/perf-data/report-text.ts';
import { SamplePrinter } from '#formats/perf-data/script-line.ts';
import { Session } from '#formats/perf-data/session.ts';
import { type Inflate, memorySource } from '#formats/perf-data/source.ts';

/** Reads, dumps, reports and inspects. Returns the FormatError that refuses the file, or that ended it; anything else thrown is our bug. */
export function exercise(bytes: Uint8Array, inflate?: Inflate): FormatError | undefined {
  const source = memorySource(bytes);
  const options = inflate === undefined ? {} : { inflate };
  let chars = 0;
  const out = new TextBuffer((b) => {
    chars += b.byteLength;
  });
  const open = (): ReturnType<typeof openPerfDataSync> | FormatError => {
    try {
      return openPerfDataSync(source, options);
    } catch (error) {
      if (error instanceof FormatError) return error;
      throw error;
    }
  };
  const data = open();
  if (data instanceof FormatError) return data;
  const session = new Session(data.recording);
  const printer = new SamplePrinter(data.recording, session, out, { guest: true });
  const dump = data.scan(new RecordDumper(session, printer, out, 'x'), { ordered: true });
  chars += headerText(data.recording, 'now').length;
  const again = open();
  if (again instanceof FormatError) throw new Error('opened once and not twice');
  const inspector = new Inspector(again.recording, new Session(again.recording));
  const reporter = new Reporter(again.recording, new Session(again.recording), {
    sort: ['comm', 'dso', 'sym'],
    children: false,
    callGraph: 'none',
    branch: false,
  });
  const slow = new Reporter(again.recording, new Session(again.recording), {
    sort: ['comm', 'caller', 'cpu'],
    children: true,
    callGraph: 'caller',
    branch: false,
  });
  const end = again.scan(
    {
      record: (cursor) => {
        inspector.record(cursor);
        reporter.record(cursor);
        slow.record(cursor);
        decodeRecord(cursor, again.recording);
      },
    },
    { ordered: true, maxQueueBytes: 0x1_0000 },
  );
  const losses = inspector.finish(end);
  chars += inspectText('x', losses, summarize(losses)).length;
  for (const r of [reporter, slow])
    for (const e of r.finish())
      chars += eventReportText([e], {
        sort: ['comm', 'dso', 'sym'],
        showSamples: true,
        children: false,
        callGraph: 'caller',
        percentLimit: 0,
      }).length;
  if (chars < 0) throw new Error('nothing was read');
  return dump.damage ?? end.damage;
}
