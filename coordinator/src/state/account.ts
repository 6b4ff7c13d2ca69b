// The names of accounts: whose budget it is. A key and an agent may have the same id.

export const keyAccount = (key: string): string => `key:${key}`;
export const agentAccount = (agent: string): string => `agent:${agent}`;

export function agentOfAccount(account: string): string | null {
  return account.startsWith('agent:') ? account.slice('agent:'.length) : null;
}
export function keyOfAccount(account: string): string | null {
  return account.startsWith('key:') ? account.slice('key:'.length) : null;
}
