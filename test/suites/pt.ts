/**
 * Processor Trace: real recordings against libipt, sideband and order-made recordings against Debian's perf, and 20,000 mutated traces.
 * The cases are node:test files in test/formats, to be run singly with `node --test`; here they get the closing line of a suite.
 */
import { run } from 'node:test';
import { Suite } from '../lib/suite.ts';

const suite = new Suite('pt');
const files = ['pt', 'pt-session', 'pt-perf', 'pt-fuzz'].map((n) => new URL(`../formats/${n}.ts`, import.meta.url).pathname);
for await (const event of run({ files, concurrency: 1 })) {
  if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
  const { name, skip, details } = event.data;
  if (details.type === 'suite' || files.includes(name)) continue;
  if (skip !== undefined && skip !== false) suite.skip(name, typeof skip === 'string' ? skip : 'skipped');
  else if (event.type === 'test:pass') suite.pass(name);
  else {
    const { error } = event.data.details;
    suite.fail(name, error.cause instanceof Error ? error.cause.message : error.message);
  }
}
suite.end();
