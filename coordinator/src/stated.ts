// Params as a store gives them back: JSON knows no undefined.
import type { AnyParams } from '@blackroad/protocol';

export function statedOf(params: object): AnyParams {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}
