// Facts from the name under which a server serves a model: `HuggingFaceTB/SmolLM2-135M-Instruct`, `/models/qwen2.5-7b-awq`. Pure.
import { type CatalogueEntry, catalogueEntry } from '@blackroad/model-server/weights/catalogue';

/** The entry of the catalogue with this name, for any publisher and any number format. */
export function entryOfServed(name: string): CatalogueEntry | undefined {
  const last = name.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const bare = last.replace(/\.gguf$/i, '').replace(form, '');
  return catalogueEntry(name) ?? catalogueEntry(last) ?? catalogueEntry(bare);
}
/** The ends of names that tell the number format of the weights: `-AWQ`, `-GPTQ-Int4`, `-Q4_K_M`, `-bnb-4bit`. */
const form = /([-_.](awq|gptq|gguf|bnb|fp8|fp16|bf16|f16|int[48]|w\d+a\d+|4bit|8bit|i?q\d[\w]*))+$/i;

/** Billions of parameters in a name: `Qwen2.5-7B-Instruct` 7, `smollm2-135m` 0.135; 0 where it has none. */
export function billionsIn(name: string): number {
  const last = name.split('/').at(-1) ?? '';
  // A mixture of experts, as `Mixtral-8x7B`: all experts are in memory.
  const found = /(?:^|[-_:. ])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?=$|[-_:. ])/i.exec(last);
  if (!found) return 0;
  const [, times, figure, unit] = found;
  return Number(times ?? 1) * Number(figure) * (unit?.toLowerCase() === 'm' ? 1e-3 : 1);
}
