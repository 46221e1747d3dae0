/** Source and binary of programs/ agree: a rebuild with the compiler that CC.txt names gives the same bytes. Each program runs natively as under qemu. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS, ROOT } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

const suite = new Suite('programs');
const sources = readdirSync(`${ROOT}programs/src`)
  .filter((f) => f.endsWith('.c'))
  .map((f) => f.slice(0, -2));
const wanted = readFileSync(`${PROGRAMS}CC.txt`, 'utf8').trim();
const here = which('gcc') === undefined ? 'none' : run(['gcc', '--version']).stdout.toString().split('\n')[0];
if (here !== wanted) suite.skip('source and binary agree', `bin/ was built by '${wanted}', here is '${here}'`);
else {
  const out = mkdtempSync(join(tmpdir(), 'perfglass-programs-'));
  const built = run(['make', '-s', '-C', `${ROOT}programs`, `OUT=${out}`], { limit: 120 });
  if (built.status !== 0) suite.fail('source and binary agree', built.stderr.toString().slice(0, 1000));
  else {
    for (const name of sources) {
      const d = difference('binary', readFileSync(PROGRAMS + name), readFileSync(join(out, name)));
      suite.judge(`${name}: source and binary agree`, d === undefined ? [] : [d]);
    }
  }
  rmSync(out, { recursive: true });
}
const stray = readdirSync(PROGRAMS).filter((f) => f !== 'CC.txt' && !sources.includes(f));
suite.judge('every binary has its source', stray.length === 0 ? [] : [`no source for ${stray.join(', ')}`]);
const qemu = which('qemu-x86_64');
if (qemu === undefined) suite.skip('native equals qemu', 'qemu-x86_64 is not installed');
else {
  for (const name of sources) {
    const native = run([PROGRAMS + name]);
    const other = run([qemu, '-cpu', 'max', PROGRAMS + name]);
    const complaints = native.status === other.status ? [] : [`status ${native.status} and ${other.status}`];
    const d = difference('stdout', native.stdout, other.stdout);
    if (d !== undefined) complaints.push(d);
    suite.judge(`${name}: native equals qemu`, complaints, `status ${native.status}`);
  }
}
suite.end();
