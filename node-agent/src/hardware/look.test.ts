// The real child on this machine, and children that hang, fail, print garbage or too much: each ends in words, with all that it started.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { createHardwareLook, type HardwareLook } from './look.ts';

const never = new AbortController().signal;
const problemIn = (look: HardwareLook) => ('problem' in look ? look.problem : 'none');

function lookWith(t: Test, program: string, deadlineMs = 20_000) {
  const childPath = join(t.testdir(), 'child.mjs');
  writeFileSync(childPath, program);
  return createHardwareLook({ childPath, deadlineMs, clock: systemClock });
}

t.test('a real look at this machine', async (t) => {
  const look = createHardwareLook({ childPath: join(import.meta.dirname, 'look-child.ts'), clock: systemClock });
  const [one, two] = await Promise.all([look(never), look(never)]);
  t.equal(one, two, 'one look at a time');
  t.match(one, { hardware: { cpu: { cores: Number }, network: Array, lacks: Array } });
  t.strictSame(await look(never), one, 'an unchanged machine says the same');
});

t.test('a child that hangs is ended with what it started', async (t) => {
  const program = `
    import { spawn } from 'node:child_process';
    const helper = spawn('sleep', ['600'], { stdio: 'inherit' });
    process.stderr.write(String(helper.pid));
    setInterval(() => {}, 1000);`;
  const began = performance.now();
  t.equal(problemIn(await lookWith(t, program, 700)(never)), 'it took longer than 0.7 s');
  t.ok(performance.now() - began < 5000);
});

t.test('a child that left a program behind is not waited for, and the program is ended', async (t) => {
  const helperFile = join(t.testdir(), 'helper');
  const program = `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    const helper = spawn('sleep', ['600'], { stdio: 'inherit' });
    writeFileSync(${JSON.stringify(helperFile)}, String(helper.pid));
    process.exit(0);`;
  t.equal(problemIn(await lookWith(t, program, 1500)(never)), 'it took longer than 1.5 s');
  const { readFileSync } = await import('node:fs');
  const pid = Number(readFileSync(helperFile, 'utf8'));
  const isGone = () => {
    try {
      return /^\d+ \(sleep\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return true;
    }
  };
  for (let tries = 0; tries < 100 && !isGone(); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(isGone());
});

const failures: [what: string, program: string, problem: RegExp][] = [
  ['it dies', 'throw new Error("no luck")', /^it ended with code 1: /],
  ['it is killed', 'process.kill(process.pid, "SIGKILL")', /^it ended with SIGKILL$/],
  ['it prints no JSON', 'console.log("hello")', /^it printed no JSON: hello$/],
  ['it prints nothing', '', /^it printed no JSON$/],
  ['it prints another form', 'console.log(JSON.stringify({ memory: 7 }))', /^what it printed does not fit: /],
  ['it prints for ever', 'for (;;) process.stdout.write("x".repeat(65536))', /^it printed more than 32768 characters$/],
  ['it wants all memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(7))', /^it ended with (SIG|code)/],
];
for (const [what, program, problem] of failures) {
  t.test(`${what}: said in words`, async (t) => {
    t.match(problemIn(await lookWith(t, program)(never)), problem);
  });
}

t.test('a node that stops ends its look, and a look after that', async (t) => {
  const stop = new AbortController();
  const look = lookWith(t, 'setInterval(() => {}, 1000)');
  const pending = look(stop.signal);
  setTimeout(() => stop.abort(), 100);
  t.equal(problemIn(await pending), 'the node-agent stopped');
  t.equal(problemIn(await look(stop.signal)), 'the node-agent stopped');
});

t.test('the next look is another one', async (t) => {
  const look = lookWith(t, 'console.log("no")');
  t.not(await look(never), await look(never));
});
