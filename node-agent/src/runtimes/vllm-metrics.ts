// The text of vLLM's /metrics: the gauges that we read of it.
/**
 * Tokens that fit vLLM's cache, over all its engines, from the labels of `vllm:cache_config_info`: its own count, or blocks times their
 * size in versions without one. Undefined where neither is reported (some print `None`).
 */
export function kvCacheTokens(metrics: string): number | undefined {
  let sum = 0;
  for (const [, labels] of metrics.matchAll(/^vllm:cache_config_info\{(.*)\}/gm)) {
    const of = (label: string) => Number(new RegExp(`(?:^|,)${label}="(\\d+)"`).exec(labels!)?.[1] ?? 0);
    sum += of('kv_cache_size_tokens') || of('num_gpu_blocks') * of('block_size');
  }
  return sum > 0 ? sum : undefined;
}

/** The values of a gauge of vLLM for a model, one of each engine; empty where it does not report them. */
function gaugeOf(metrics: string, gauge: string, model: string): number[] {
  const lines = metrics.matchAll(new RegExp(`^vllm:${gauge}(?:\\{(.*)\\})? ([0-9.e+-]+)$`, 'gm'));
  return [...lines].flatMap(([, labels, value]) => {
    const of = /(?:^|,)model_name="([^"]*)"/.exec(labels ?? '')?.[1];
    return of === undefined || of === model ? [Number(value)] : [];
  });
}

/** Running and waiting requests inside vLLM, over all its engines; null where it does not report them. */
export function requestsIn(metrics: string, model: string): { running: number; waiting: number } | null {
  const running = gaugeOf(metrics, 'num_requests_running', model);
  const waiting = gaugeOf(metrics, 'num_requests_waiting', model);
  const sum = (values: number[]) => values.reduce((all, one) => all + one, 0);
  return running.length === 0 || waiting.length === 0 ? null : { running: sum(running), waiting: sum(waiting) };
}

/** How full the cache of vLLM's fullest engine is, 0 to 1; the gauge was named after the graphics card once. */
export function kvCacheUse(metrics: string, model: string): number {
  const gauges = ['kv_cache_usage_perc', 'gpu_cache_usage_perc'];
  return Math.max(0, ...gauges.flatMap((gauge) => gaugeOf(metrics, gauge, model)));
}
