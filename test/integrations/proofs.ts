// What an integration has proven: claims with their times. A claim holds when its probe says so within its time; what could not be tried is
// named as not run, and is no proof.
export interface Proof {
  program: string;
  claim: string;
  outcome: 'holds' | 'fails' | 'not run';
  /** How long it took, or why it did not hold. */
  ms: number;
  allowedMs: number;
  why: string;
}
/** `probe`: true, or words on what is missing. `allowedMs`: 0: at once, tried for a second all the same. */
export type Prove = (claim: string, allowedMs: number, probe: () => Promise<boolean | string>) => Promise<void>;

/** So long a claim is watched that does not hold in its time, so that the table says how late it was. */
const patienceMs = 60_000;
/** So often at least a claim is tried within its time. */
const triesInTime = 20;

export class Proofs {
  readonly all: Proof[] = [];
  readonly #say: (line: string) => void;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  notRun(program: string, why: string): void {
    this.#note({ program, claim: 'all of it', outcome: 'not run', ms: 0, allowedMs: 0, why });
  }

  /** `everyMs`: how often a claim is tried; one of little time more often, so that when it was tried does not decide. */
  of(program: string, everyMs = 50): Prove {
    return async (claim, allowedMs, probe) => {
      const startMs = performance.now();
      let why = '';
      for (;;) {
        const got = await probe().catch((error: Error) => error.message);
        const ms = performance.now() - startMs;
        if (got === true) {
          const isLate = allowedMs > 0 && ms > allowedMs;
          this.#note({
            program,
            claim,
            outcome: isLate ? 'fails' : 'holds',
            ms,
            allowedMs,
            why: isLate ? 'too late' : '',
          });
          return;
        }
        why = got === false ? 'it is not so' : got;
        if (ms > (allowedMs === 0 ? 1_000 : patienceMs + allowedMs)) {
          this.#note({ program, claim, outcome: 'fails', ms, allowedMs, why });
          return;
        }
        const pauseMs = allowedMs > 0 ? Math.min(everyMs, allowedMs / triesInTime) : everyMs;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
  }

  #note(proof: Proof): void {
    this.all.push(proof);
    const { program, claim, outcome, ms, allowedMs, why } = proof;
    const time =
      outcome === 'not run' ? '' : `${(ms / 1000).toFixed(2)} s${allowedMs > 0 ? ` of ${allowedMs / 1000} s` : ''}`;
    this.#say(`${outcome.padEnd(7)}  ${time.padEnd(18)}  ${program}: ${claim}${why ? ` (${why})` : ''}`);
  }

  /** The last line. Exit code 1 where something fails, or nothing was proven. */
  sum(): { line: string; isGood: boolean } {
    const count = (outcome: Proof['outcome']) => this.all.filter((proof) => proof.outcome === outcome).length;
    const [holds, fails, notRun] = [count('holds'), count('fails'), count('not run')];
    return { line: `${holds} hold, ${fails} fail, ${notRun} not run`, isGood: fails === 0 };
  }
}
