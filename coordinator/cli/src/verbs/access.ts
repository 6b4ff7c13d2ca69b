// Join tokens, keys, the console's sign-in, the audit log.
import {
  budgetInWords,
  budgetLine,
  classes,
  cloudClass,
  listInWords,
  mayDo,
  type Role,
  roles,
  topics,
} from '@blackroad/protocol';
import { installableWords } from '@blackroad/protocol/install-words';
import { budgetFlag, budgetFlags } from '../budget-flags.ts';
import { cloudInitFile } from '../cloud-init.ts';
import { argument, labelsFlag, numberFlag, secondsFlag, textFlag, type Verb } from '../verb.ts';
import { ago, duration, table } from '../words.ts';

export const accessVerbs: Verb[] = [
  {
    words: 'join-token create',
    args: '',
    text: 'Makes a join token for other machines, and prints what to type there.',
    flags: {
      uses: { type: 'string', value: '<count>', text: 'How many machines may join with it; 1 by default.' },
      expires: { type: 'string', value: '<time>', text: 'How long it is valid: 10m, 2h, 7d; 1h by default.' },
      class: {
        type: 'string',
        value: '<class>',
        values: [...classes, cloudClass].map(({ name }) => name),
        text: 'Hardware class of the machines; detected by default.',
      },
      site: { type: 'string', value: '<site>', text: 'The site of the machines; home by default.' },
      labels: { type: 'string', value: '<a=b,...>', text: 'Labels of the machines.' },
      address: {
        type: 'string',
        value: '<host>',
        text: 'Host name or address under which the machines reach the coordinator.',
      },
      'cloud-init': {
        type: 'boolean',
        text: 'Prints a user-data file instead, with which a new virtual or rented machine joins at its first start.',
      },
    },
    async run(call) {
      const uses = numberFlag(call, 'uses');
      const expiresSeconds = secondsFlag(call, 'expires');
      const className = textFlag(call, 'class');
      const site = textFlag(call, 'site');
      const labels = labelsFlag(call, 'labels');
      const address = textFlag(call, 'address');
      const token = await call.client().call('joinTokenCreate', {
        body: {
          ...(uses === undefined ? {} : { uses }),
          ...(expiresSeconds === undefined ? {} : { expiresSeconds }),
          ...(className ? { class: className } : {}),
          ...(site ? { site } : {}),
          ...(labels ? { labels } : {}),
          ...(address ? { address } : {}),
        },
      });
      const { releases } = await call.client().call('releases', { query: { name: 'blackroad-node' } });
      call.show(token, () => {
        const left = duration(token.expiresMs - call.clock.nowMs());
        const machines = token.uses === 1 ? 'one machine' : `${token.uses} machines`;
        const release = installableWords(releases, (verb) => call.as.fleet(verb));
        if (call.flags['cloud-init']) {
          const { command, expiresMs } = token;
          const until = new Date(expiresMs).toISOString();
          return cloudInitFile({ command, until, machines, needs: release });
        }
        return `On the other machine, within ${left} (valid for ${machines}):\n\n${token.command}\n\n${release}`;
      });
    },
  },
  {
    words: 'join-token',
    args: '',
    text: 'List join tokens.',
    async run(call) {
      const tokens = await call.client().call('joinTokens');
      const now = call.clock.nowMs();
      const rows = tokens.map((token) => [
        token.id,
        token.revoked ? 'revoked' : token.expiresMs < now ? 'expired' : token.usesLeft === 0 ? 'used up' : 'good',
        `${token.usesLeft} of ${token.uses}`,
        token.class ?? 'any',
        token.balenaDevice === undefined ? token.site : `${token.site}, balena ${token.balenaDevice.slice(0, 7)}`,
        token.expiresMs < now ? ago(token.expiresMs, now) : `in ${duration(token.expiresMs - now)}`,
      ]);
      call.show(tokens, () =>
        tokens.length === 0
          ? 'No join tokens.'
          : table(['TOKEN', 'STATE', 'USES LEFT', 'CLASS', 'SITE', 'EXPIRES'], rows, call.columns, call.paint),
      );
    },
  },
  {
    words: 'join-token revoke',
    args: '<id>',
    text: 'Revokes a join token.',
    async run(call) {
      const id = argument(call, 0, '<id>');
      await call.client().call('joinTokenRevoke', { params: { id } });
      call.show({ id, revoked: true }, () => `${id} is revoked.`);
    },
  },
  {
    words: 'keys',
    args: '',
    text: 'List API keys.',
    async run(call) {
      const keys = await call.client().call('keys');
      const now = call.clock.nowMs();
      const rows = keys.map((key) => [
        key.id,
        key.name,
        key.role,
        key.revoked ? 'revoked' : key.expiresMs !== null && key.expiresMs <= now ? 'expired' : 'good',
        key.expiresMs === null
          ? 'never'
          : key.expiresMs <= now
            ? ago(key.expiresMs, now)
            : `in ${duration(key.expiresMs - now)}`,
        ago(key.lastUsedMs, now),
        key.budget ? budgetLine(key.budget) : '-',
      ]);
      call.show(keys, () =>
        table(['KEY', 'NAME', 'ROLE', 'STATE', 'EXPIRES', 'LAST USED', 'BUDGET'], rows, call.columns, call.paint, [
          'LAST USED',
          'EXPIRES',
        ]),
      );
    },
  },
  {
    words: 'keys create',
    args: '<name>',
    text: 'Makes an API key; it is shown once.',
    flags: {
      role: { type: 'string', value: '<role>', values: roles, text: `${listInWords(roles, 'or')}; viewer by default.` },
      expires: { type: 'string', value: '<time>', text: 'How long it is valid: 2h, 30d; for ever by default.' },
      ...budgetFlags,
    },
    async run(call) {
      const role = (textFlag(call, 'role') ?? 'viewer') as Role;
      const expiresSeconds = secondsFlag(call, 'expires');
      const life = expiresSeconds === undefined ? {} : { expiresSeconds };
      const budget = budgetFlag(call);
      const key = await call.client().call('keyCreate', {
        body: { name: argument(call, 0, '<name>'), role, ...life, ...(budget ? { budget } : {}) },
      });
      call.show(key, () =>
        [
          key.key,
          '',
          ...(key.expiresMs === null ? [] : [`It is valid for ${duration(key.expiresMs - call.clock.nowMs())}.`]),
          ...(key.budget ? [`It may use ${budgetInWords(key.budget)}.`] : []),
          `It is shown only now. Revoke it with: ${call.as.fleet(`keys revoke ${key.id}`)}`,
          ...(mayDo([key.role], topics.ask.needs)
            ? [`Over MQTT: user name ${key.id}, password ${key.key.slice(key.key.lastIndexOf('_') + 1)}`]
            : []),
        ].join('\n'),
      );
    },
  },
  {
    words: 'keys revoke',
    args: '<id>',
    text: 'Revokes an API key.',
    async run(call) {
      const id = argument(call, 0, '<id>');
      await call.client().call('keyRevoke', { params: { id } });
      call.show({ id, revoked: true }, () => `${id} is revoked.`);
    },
  },
  {
    words: 'console',
    args: '',
    text: "Prints the console's address with a one-time sign-in.",
    async run(call) {
      const code = await call.client().call('signInCode');
      call.show(code, () =>
        code.networkUrl === null
          ? code.url
          : `${code.url}\n\nOn another device in this network; its browser warns once, as the certificate is signed by the fleet itself:\n${code.networkUrl}`,
      );
    },
  },
  {
    words: 'audit',
    args: '',
    text: 'Who did what, newest first.',
    flags: { limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 30 by default.' } },
    async run(call) {
      const rows = await call.client().call('audit', { query: { limit: numberFlag(call, 'limit') ?? 30 } });
      const cells = rows.map((row) => [ago(row.atMs, call.clock.nowMs()), row.actor, row.title, row.subject, row.text]);
      call.show(rows, () => table(['WHEN', 'WHO', 'DID', 'TO', 'WHAT'], cells, call.columns, call.paint));
    },
  },
];
