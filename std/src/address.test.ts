import t from 'tap';
import { hostName, serverUrl } from './address.ts';

const ollama = { schemes: ['http', 'https'], port: 11_434 };

t.test('an address means what the server’s own tools mean by it', (t) => {
  const right: Record<string, string> = {
    'localhost:11434': 'http://localhost:11434',
    '0.0.0.0:11434': 'http://127.0.0.1:11434',
    '0.0.0.0': 'http://127.0.0.1:11434',
    ':11434': 'http://127.0.0.1:11434',
    'http://:11434/': 'http://127.0.0.1:11434',
    'http://127.0.0.1:11434/v1': 'http://127.0.0.1:11434',
    'http://127.0.0.1:11434/api/': 'http://127.0.0.1:11434',
    'box.local:8000/v1/chat/completions': 'http://box.local:8000',
    'gpu-box': 'http://gpu-box:11434',
    'https://models.example.org': 'https://models.example.org',
    'https://example.org/ollama/api': 'https://example.org/ollama',
    'HTTP://Box:80/': 'http://box:80',
    '[::]:11434': 'http://[::1]:11434',
    '::1': 'http://[::1]:11434',
    '[fe80::1]:8080': 'http://[fe80::1]:8080',
    ' "192.168.1.4" ': 'http://192.168.1.4:11434',
    'my_box:8080': 'http://my_box:8080',
  };
  for (const [text, url] of Object.entries(right)) t.equal(serverUrl(text, ollama), url, text);
  t.end();
});

t.test('anything else is no address', (t) => {
  for (const text of [
    '',
    ' ',
    'http://',
    'http:/box',
    'ftp://box',
    'box:port',
    'box:',
    'box:0',
    'box:70000',
    '11434',
    '1.2.3',
    '1.2.3.256',
    '300.1.1.1:80',
    'my box',
    'http://box?x=1',
    'http://box#x',
    'me:secret@box',
    '[::g]',
    '[::1',
    '-box',
    'a..b',
    'localhost:11434:1',
    'x'.repeat(300),
  ])
    t.equal(serverUrl(text, ollama), null, JSON.stringify(text));
  t.end();
});

t.test('a broker has schemes of its own, and no name and password in its address', (t) => {
  const broker = { schemes: ['mqtts', 'mqtt'] };
  t.equal(serverUrl('mqtt://box:1883', broker), 'mqtt://box:1883');
  t.equal(serverUrl('mqtt://me:secret@box:1883', broker), null);
  t.equal(serverUrl('mqtt://me@box', broker), null);
  t.equal(serverUrl('box:8883', broker), 'mqtts://box:8883');
  t.equal(serverUrl('box', broker), 'mqtts://box');
  t.equal(serverUrl('http://box:1883', broker), null);
  t.end();
});

t.test('a host is a name or an address, without scheme and port', (t) => {
  for (const text of ['0.0.0.0', '127.0.0.1', 'pi.local', '::', 'fe80::1']) t.equal(hostName(text), text, text);
  t.equal(hostName('[::1]'), '::1');
  for (const text of ['', 'http://box', 'box:80', '1.2.3', '256.1.1.1', 'two words', ':::'])
    t.equal(hostName(text), null, text);
  t.end();
});
