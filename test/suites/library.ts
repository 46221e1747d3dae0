/** The built package as its users have it: the examples in Node, the worker example in headless Chromium, the declarations by tsc. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasPerf, needsPerf, perf } from '../support/perf.ts';
import { Suite } from '../lib/suite.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const CHROMIUM = process.env['PERFGLASS_CHROMIUM'] ?? '/usr/bin/chromium';
const suite = new Suite('library');
const dir = mkdtempSync(join(tmpdir(), 'perfglass-library-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

const node = (...args: string[]): { status: number | null; out: string } => {
  const r = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  return { status: r.status, out: r.stdout + r.stderr };
};
const complaints = (what: string, got: string, want: string): string[] => (got === want ? [] : [`${what}: expected ${want}, got ${got}`]);

const build = node('tools/build.ts', '--types');
suite.judge('build', build.status === 0 ? [] : [build.out]);

const data = join(dir, 'example.data');
const wrote = node('examples/write.ts', data);
suite.judge('examples/write.ts', wrote.status === 0 ? [] : [wrote.out]);
if (hasPerf) {
  const said = perf('script', '-F', 'comm,pid,time,event,ip', '-i', data).out.replace(/ +/g, ' ').trim();
  suite.judge(
    'examples/write.ts: perf reads it',
    complaints('perf script', said, 'demo 100 0.000002: cpu-clock: 401000\n demo 100 0.000003: cpu-clock: 401010'),
  );
} else suite.skip('examples/write.ts: perf reads it', String(needsPerf));
suite.judge('examples/read.ts', complaints('output', node('examples/read.ts', data).out, 'event cpu-clock\ndemo: 2 samples\n'));
suite.judge(
  'examples/decode-pt.ts',
  complaints(
    'instructions',
    String([...node('examples/decode-pt.ts').out.matchAll(/^(\d+) instructions/gm)].reduce((n, m) => n + Number(m[1]), 0)),
    '7',
  ),
);

// as installed: a program elsewhere, checked by tsc against the declarations alone, and run
const app = join(dir, 'app');
mkdirSync(join(app, 'node_modules'), { recursive: true });
symlinkSync(ROOT, join(app, 'node_modules/perfglass'));
symlinkSync(join(ROOT, 'node_modules/@types'), join(app, 'node_modules/@types'));
writeFileSync(join(app, 'package.json'), '{"type":"module"}');
for (const name of ['write', 'read', 'decode-pt'])
  writeFileSync(join(app, `${name}.ts`), readFileSync(join(ROOT, `examples/${name}.ts`), 'utf8'));
writeFileSync(join(app, 'wrong.ts'), "import { readPerfData } from 'perfglass';\nreadPerfData('a string');\n");
const tsc = (file: string): { status: number | null; out: string } => {
  const r = spawnSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      '--noEmit',
      '--strict',
      '--target',
      'es2024',
      '--module',
      'nodenext',
      '--types',
      'node',
      file,
    ],
    { cwd: app, encoding: 'utf8' },
  );
  return { status: r.status, out: r.stdout + r.stderr };
};
for (const name of ['write', 'read', 'decode-pt']) {
  const checked = tsc(`${name}.ts`);
  suite.judge(`declarations: ${name}.ts`, checked.status === 0 ? [] : [checked.out]);
}
const wrong = tsc('wrong.ts');
suite.judge('declarations: a wrong argument is an error', /TS2345/.test(wrong.out) ? [] : [`tsc said: ${wrong.out}`]);

/** Reports what the page says in the end; the example itself needs no server of ours. */
const WATCH = `<script type="module">
  const tell = () => fetch('/said', { method: 'POST', body: document.getElementById('out').textContent });
  new MutationObserver(tell).observe(document.getElementById('out'), { childList: true });
</script>`;
const TYPES: Readonly<Record<string, string>> = { html: 'text/html', js: 'text/javascript', wasm: 'application/wasm' };

/** Serves the package's folder and the recording to Chromium; gives what the page says. */
async function browser(): Promise<string> {
  let said: (text: string) => void = () => undefined;
  const answer = new Promise<string>((resolve) => {
    said = resolve;
  });
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    if (path === '/said') {
      let body = '';
      request.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      request.on('end', () => said(body));
      response.end();
      return;
    }
    const file = path === '/example.data' ? data : join(ROOT, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file)) response.writeHead(404).end();
    else {
      response.setHeader('content-type', TYPES[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream');
      response.end(file.endsWith('.html') ? readFileSync(file, 'utf8') + WATCH : readFileSync(file));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/examples/browser/?open=/example.data`;
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${join(dir, 'profile')}`];
  const child = spawn(CHROMIUM, [...flags, url], { stdio: 'ignore', env: { ...process.env, HOME: dir } });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const timer = setTimeout(() => said('(nothing within 60 s)'), 60_000);
  try {
    return await Promise.race([answer, ended.then(() => '(Chromium ended)')]);
  } finally {
    clearTimeout(timer);
    child.kill();
    server.closeAllConnections();
    server.close();
    await ended;
  }
}
if (existsSync(CHROMIUM))
  suite.judge('examples/browser in Chromium', complaints('page', await browser(), '2 samples of cpu-clock\n7 traced instructions'));
else suite.skip('examples/browser in Chromium', `no Chromium at ${CHROMIUM} (apt-get install chromium)`);
suite.end();
