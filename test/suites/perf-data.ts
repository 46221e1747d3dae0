/**
 * perf.data: recordings of others against Debian's perf, recordings of ours read by it, and 20,000 mutated ones. The cases are node:test
 * files in test/formats, to be run singly with `node --test`; here they get the closing line of a suite.
 */
import { run } from 'node:test';
import { hasData, hasPerf, needsData, needsPerf } from '../support/perf.ts';
import { Suite } from '../lib/suite.ts';

const suite = new Suite('perf-data');
if (!hasPerf) console.log(needsPerf);
if (!hasData) console.log(needsData);
const files = ['files', 'writer', 'live', 'fuzz'].map((n) => new URL(`../formats/perf-data-${n}.ts`, import.meta.url).pathname);
for await (const event of run({ files, concurrency: 1 })) {
  if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
  const { name, skip, details } = event.data;
  if (details.type === 'suite' || files.includes(name)) continue;
  if (skip !== undefined && skip !== false) suite.skip(name, typeof skip === 'string' ? skip : 'perf 6.1 cannot read it');
  else if (event.type === 'test:pass') suite.pass(name);
  else
    suite.fail(
      name,
      event.data.details.error.cause instanceof Error ? event.data.details.error.cause.message : event.data.details.error.message,
    );
}
suite.end();
