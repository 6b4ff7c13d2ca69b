import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { readConfig } from './config.ts';

t.test('where an Ollama is: our own option first, then the variable of Ollama itself', (t) => {
  const ollama = (argv: string[], env: Record<string, string> = {}) => readConfig(argv, env, []).ollama;
  t.equal(ollama([]), '', 'nothing given: its usual place, and it may be missing');
  t.equal(ollama([], { OLLAMA_HOST: '0.0.0.0' }), 'http://127.0.0.1:11434');
  t.equal(ollama([], { OLLAMA_HOST: 'gpu-box', BLACKROAD_OLLAMA: 'localhost:11434' }), 'http://localhost:11434');
  t.equal(ollama(['--ollama', 'http://127.0.0.1:11434/v1'], { OLLAMA_HOST: 'gpu-box' }), 'http://127.0.0.1:11434');
  t.equal(ollama(['--ollama', 'none'], { OLLAMA_HOST: 'gpu-box' }), 'none');
  t.equal(readConfig(['--openai', 'box:8000/v1'], {}, []).openai, 'http://box:8000');
  const several = readConfig(['--openai', 'box:8000/v1, http://127.0.0.1:8001,box:8000'], {}, []).openai;
  t.equal(several, 'http://box:8000,http://127.0.0.1:8001', 'each once');
  t.throws(() => readConfig(['--openai', 'box:8000,ftp://x'], {}, []), /--openai: expected an address like/);
  const many = Array.from({ length: 17 }, (_, at) => `box:${8000 + at}`).join(',');
  t.throws(() => readConfig(['--openai', many], {}, []), /at most 16 addresses, got 17/);
  t.throws(
    () => ollama([], { OLLAMA_HOST: '11434' }),
    /^OLLAMA_HOST: expected an address like .* or none, got "11434"/,
  );
  t.throws(() => ollama(['--ollama', 'my box']), /^--ollama: expected an address/);
  t.throws(() => readConfig([], { BLACKROAD_OPENAI: 'ftp://box' }, []), /^BLACKROAD_OPENAI: expected an address/);
  t.end();
});

t.test('a price is that of a server', async (t) => {
  t.equal(readConfig([], {}, []).price, 0);
  const direct = ['--openai-direct', 'on'];
  t.equal(readConfig(['--openai', 'http://127.0.0.1:8000', ...direct], {}, []).openaiDirect, 'on');
  t.equal(readConfig(['--openai', 'https://localhost:8000', ...direct], {}, []).openaiDirect, 'on');
  t.throws(() => readConfig(direct, {}, []), /^--openai-direct: expected --openai with it/);
  t.throws(
    () => readConfig(['--openai', 'http://127.0.0.1:8000,http://192.0.2.7:8000', ...direct], {}, []),
    /^--openai-direct: expected servers of this machine, got http:\/\/192\.0\.2\.7:8000/,
  );
  t.equal(readConfig(['--openai', 'https://api.example', '--price', '0.6'], {}, []).price, 0.6);
  t.throws(() => readConfig([], { BLACKROAD_PRICE: '0.6' }, []), /^--price: expected --openai with it/);
});

t.test('a wrong address ends the process with its option’s name and exit code 2', async (t) => {
  const main = join(import.meta.dirname, 'main.ts');
  const run = promisify(execFile)(process.execPath, [main, 'models', '--ollama', 'http://box:port']);
  await t.rejects(run, {
    code: 2,
    stderr: /^fleet-node: --ollama: expected an address like http:\/\/192\.168\.1\.20:11434 or none/,
  });
});

t.test('no default stands in the way of what a server says it works on at once', async (t) => {
  t.equal(readConfig([], {}, []).slots, 0, 'as the server says');
  t.equal(readConfig(['--slots', '3'], {}, []).slots, 3);
});

t.test('under balena the device is known without a setting, and a wrong one is said', async (t) => {
  const uuid = '7cf02a69e4d34c9da573914963cf54fd';
  t.equal(readConfig([], {}, []).balenaDevice, '');
  t.equal(readConfig([], { BALENA_DEVICE_UUID: uuid }, []).balenaDevice, uuid);
  t.throws(
    () => readConfig(['--balena-device', 'alice'], {}, []),
    /^--balena-device: expected the UUID .* got "alice"/,
  );
});
