// The roles of model servers and of the broker on a booted machine. The servers are stand-ins: what is proven is that the roles install, configure, start
// and leave alone. Mosquitto is the real one of Debian, and a machine joins through it.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustHold } from './must-hold.ts';
import type { Stage } from './story.ts';

/** Answers as far as a role asks. */
const server = `import http.server, os, sys
if '--version' in sys.argv:
    print('ollama version is 0.99.0')
    sys.exit()
port = int(sys.argv[sys.argv.index('--port') + 1]) if '--port' in sys.argv else int(os.environ['OLLAMA_HOST'].split(':')[1])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "0.99.0"}')
http.server.HTTPServer(('127.0.0.1', port), Answer).serve_forever()
`;

export async function serversStory(stage: Stage): Promise<void> {
  const { folder, machine } = stage;
  const ollama = join(folder, 'ollama');
  mkdirSync(join(ollama, 'bin'), { recursive: true });
  writeFileSync(join(ollama, 'bin/ollama'), `#!/usr/bin/env python3\n${server}`);
  chmodSync(join(ollama, 'bin/ollama'), 0o755);
  execFileSync('tar', ['-czf', join(folder, 'ollama.tgz'), '-C', ollama, 'bin']);
  const roles = {
    ollama_archive: join(folder, 'ollama.tgz'),
    ollama_version: '0.99.0',
    ollama_options: { OLLAMA_KEEP_ALIVE: '30m' },
    vllm_packages: ['/root/vllm-0.99.0-py3-none-any.whl'],
    vllm_system_packages: ['python3-venv', 'python3-packaging'],
    vllm_servers: { qwen: { MODEL: 'm', NAME: 'n', PORT: 8000, FLAGS: '--max-model-len 16384' } },
  };
  await wheelOn(stage);
  const on = (name: string) => ({ hosts: { [name]: {} } });
  const children = { ollama: on('lucidia'), vllm: on('lucidia'), mosquitto: on('lucidia') };
  stage.inventory({ lucidia: roles, children });
  const first = await stage.play('site.yml with Ollama, vLLM (stand-ins) and Mosquitto', 'site');
  mustHold((first.recap.lucidia?.changed ?? 0) > 10, 'they were installed', first.text);
  const second = await stage.play('site.yml with them again', 'site');
  mustHold(
    Object.values(second.recap).every(({ changed }) => changed === 0),
    'a second run changes nothing',
    second.text,
  );
  const said = await machine('lucidia').run(
    'systemctl is-active ollama blackroad-vllm@qwen mosquitto; systemctl is-enabled ollama blackroad-vllm@qwen mosquitto; systemctl show -p Environment ollama',
  );
  mustHold(
    /^(active\n){3}(enabled\n){3}/.test(said.text) && /OLLAMA_KEEP_ALIVE=30m/.test(said.text),
    'they run',
    said.text,
  );

  const broker = `mqtts://${machine('lucidia').address}:8883`;
  const settings = {
    BLACKROAD_ADDRESS: machine('hub').address,
    BLACKROAD_HEARTBEAT_SECONDS: 1,
    BLACKROAD_BROKER: broker,
  };
  await stage.play('uninstall.yml of codex', 'uninstall', ['--extra-vars', '{"blackroad_target": "codex"}']);
  stage.inventory({ lucidia: roles, children, coordinator: { coordinator_settings: settings } });
  const joined = await stage.play('site.yml: a machine joins through Mosquitto', 'site', [
    '--limit',
    'hub:codex:localhost',
  ]);
  const link = await machine('codex').run(
    "python3 -c \"import json; print(json.load(open('/var/lib/blackroad-node/identity.json'))['mqtt'])\"",
  );
  mustHold(/8883/.test(link.text), 'its broker is Mosquitto', `${joined.text}\n${link.text}`);
  stage.inventory();
  await stage.play('site.yml: the embedded broker again', 'site', ['--limit', 'hub:localhost']);
}

/** A wheel of the stand-in, made on the machine, which reaches no package index. */
async function wheelOn({ machine }: Stage): Promise<void> {
  const script = `import zipfile, base64, hashlib, sys
name = '/root/vllm-0.99.0-py3-none-any.whl'
files = {
    'vllm.py': open('/root/vllm.py').read(),
    'vllm-0.99.0.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: vllm\\nVersion: 0.99.0\\n',
    'vllm-0.99.0.dist-info/WHEEL': 'Wheel-Version: 1.0\\nGenerator: check\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
    'vllm-0.99.0.dist-info/entry_points.txt': '[console_scripts]\\nvllm = vllm:main\\n',
}
with zipfile.ZipFile(name, 'w') as wheel:
    for path, text in files.items():
        wheel.writestr(path, text)
    wheel.writestr('vllm-0.99.0.dist-info/RECORD', ''.join('%s,,\\n' % path for path in files))
`;
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const code = `def main():\n${server.replace(/^(?=.)/gm, '    ')}`;
  const said = await machine('lucidia').run(
    `echo ${encode(code)} | base64 -d >/root/vllm.py; echo ${encode(script)} | base64 -d | python3 -`,
  );
  mustHold(said.code === 0, 'the stand-in of vLLM is made', said.text);
}
