// What the gateway counts, for metrics.

export interface GatewayFigures {
  underWay: number;
  answered: number;
  failed: number;
  /** Nobody read on. */
  left: number;
  /** Attempts after the first. */
  retried: number;
  promptTokens: number;
  completionTokens: number;
}

export function noFigures(): GatewayFigures {
  return { underWay: 0, answered: 0, failed: 0, left: 0, retried: 0, promptTokens: 0, completionTokens: 0 };
}
