// Routes of those who may come in: sign-in and sessions of consoles, API keys, join tokens.

import { Budget, OwnLimits } from '../budget.ts';
import {
  JoinTokenCreated,
  JoinTokenRequest,
  JoinTokenView,
  KeyCreated,
  KeyRequest,
  KeyView,
  SessionView,
} from '../enrol.ts';
import { FirstBootReport, FirstBootView } from '../first-boot.ts';
import { maxSignInBodyBytes } from '../limits.ts';
import { opened } from '../open.ts';
import { Principal } from '../principal.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const idParams = Type.Object({ id: Type.String({ maxLength: 40 }) });

export const keyRoutes = {
  signIn: route({
    method: 'POST',
    path: '/v1/sign-in',
    needs: 'open',
    text: 'Exchanges a one-time sign-in code or an API key for a session cookie.',
    body: Type.Object({ code: Type.String({ maxLength: 200 }) }, { additionalProperties: false }),
    bodyBytes: maxSignInBodyBytes,
    answer: Principal,
  }),
  signOut: route({ method: 'POST', path: '/v1/sign-out', needs: 'self:write', text: 'Ends the session.' }),
  me: route({
    method: 'GET',
    path: '/v1/me',
    needs: 'self:read',
    text: 'Who is asking.',
    answer: Principal,
  }),
  ownLimits: route({
    method: 'GET',
    path: '/v1/me/limits',
    needs: 'self:read',
    text: 'What the key that asks may use: its budget, its requests in a minute and at once.',
    answer: OwnLimits,
  }),
  signInCode: route({
    method: 'POST',
    path: '/v1/sign-in-codes',
    needs: 'sessions:write',
    text: 'Makes a one-time sign-in code for the console.',
    answer: Type.Object({
      code: Type.String(),
      url: Type.String({ description: 'Signs in once, under the address that this request came to.' }),
      networkUrl: Type.Nullable(
        Type.String({
          description:
            'The same for another device on the network, over TLS with the certificate of the fleet; null: only this machine reaches the coordinator.',
        }),
      ),
      expiresMs: Type.Number(),
    }),
    created: true,
  }),
  sessions: route({
    method: 'GET',
    path: '/v1/sessions',
    needs: 'self:read',
    text: 'Signed-in consoles of the same key; of every key with `sessions:write`.',
    answer: Type.Array(SessionView),
  }),
  sessionEnd: route({
    method: 'DELETE',
    path: '/v1/sessions/:id',
    needs: 'self:write',
    text: 'Signs a console out; that of another key with `sessions:write`.',
    params: idParams,
  }),
  keys: route({
    method: 'GET',
    path: '/v1/keys',
    needs: 'keys:read',
    text: 'API keys without their secrets.',
    answer: Type.Array(KeyView),
  }),
  keyCreate: route({
    method: 'POST',
    path: '/v1/keys',
    needs: 'keys:write',
    text: 'Makes an API key; shown once.',
    body: KeyRequest,
    answer: KeyCreated,
    created: true,
  }),
  keyBudget: route({
    method: 'PUT',
    path: '/v1/keys/:id/budget',
    needs: 'keys:write',
    text: 'Sets the budget of an API key. What is used of it stays counted, unless its period changes.',
    params: idParams,
    body: Budget,
    answer: KeyView,
  }),
  keyBudgetRemove: route({
    method: 'DELETE',
    path: '/v1/keys/:id/budget',
    needs: 'keys:write',
    text: 'Removes the budget of an API key: no limit of tokens any more, and no money to spend.',
    params: idParams,
    answer: KeyView,
  }),
  keyRevoke: route({
    method: 'DELETE',
    path: '/v1/keys/:id',
    needs: 'keys:write',
    text: 'Revokes an API key.',
    params: idParams,
  }),
  joinTokens: route({
    method: 'GET',
    path: '/v1/join-tokens',
    needs: 'tokens:read',
    text: 'Join tokens without their secrets.',
    answer: Type.Array(JoinTokenView),
  }),
  joinTokenCreate: route({
    method: 'POST',
    path: '/v1/join-tokens',
    needs: 'tokens:write',
    text: 'Makes a join token; the token is shown once.',
    body: JoinTokenRequest,
    answer: JoinTokenCreated,
    created: true,
  }),
  joinTokenRevoke: route({
    method: 'DELETE',
    path: '/v1/join-tokens/:id',
    needs: 'tokens:write',
    text: 'Revokes a join token.',
    params: idParams,
  }),
  firstBoots: route({
    method: 'GET',
    path: '/v1/join-tokens/:id/first-boots',
    needs: 'tokens:read',
    text: 'The first starts of Raspberry Pis with this join token, the newest first; forgotten when the coordinator restarts.',
    params: idParams,
    answer: Type.Array(FirstBootView),
  }),
  firstBootSaid: route({
    method: 'POST',
    path: '/v1/first-boots',
    needs: 'tokens:write',
    machines: true,
    text: 'A Raspberry Pi with a join token says how far its first start is.',
    body: opened(FirstBootReport),
  }),
};
