/** What every suite prints: a line per case, the skips with their reasons, and a last line that `test/run.ts` reads. */

export type Verdict = 'pass' | 'fail' | 'skip';

export class Suite {
  readonly #name: string;
  readonly #started = Date.now();
  passed = 0;
  failed = 0;
  skipped = 0;

  constructor(name: string) {
    this.#name = name;
    console.log(`# ${name}`);
  }

  pass(what: string, detail = ''): void {
    this.passed++;
    this.#line('pass', what, detail);
  }
  fail(what: string, detail: string): void {
    this.failed++;
    this.#line('FAIL', what, detail);
  }
  skip(what: string, reason: string): void {
    this.skipped++;
    this.#line('skip', what, reason);
  }
  /** Passes when there is no complaint. */
  judge(what: string, complaints: readonly string[], detail = ''): void {
    if (complaints.length === 0) this.pass(what, detail);
    else this.fail(what, complaints.join('\n       '));
  }

  #line(verdict: string, what: string, detail: string): void {
    console.log(`${verdict}  ${what}${detail === '' ? '' : `: ${detail}`}`);
  }

  /** Prints the closing line and sets the exit code: 1 with a failure, or when nothing ran at all and nothing says why. */
  end(): void {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(1);
    console.log(`${this.#name}: ${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped (${seconds} s)`);
    if (this.failed > 0 || this.passed + this.skipped === 0) process.exitCode = 1;
  }
}

/** Where two byte strings first differ, as one readable line; undefined when they are equal. */
export function difference(what: string, want: Buffer, got: Buffer): string | undefined {
  if (want.equals(got)) return undefined;
  let at = 0;
  while (at < want.length && at < got.length && want[at] === got[at]) at++;
  const line = want.subarray(0, at).toString('latin1').split('\n').length;
  const show = (b: Buffer): string => JSON.stringify(b.subarray(Math.max(0, at - 20), at + 60).toString('latin1'));
  return `${what} differs at byte ${at} (line ${line}; ${want.length} bytes expected, ${got.length} got): expected ${show(want)}, got ${show(got)}`;
}
