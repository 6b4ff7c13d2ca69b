// Texts whose words are as frequent as those of a language: the n-th word comes every n-th time as often as the first (Zipf).
import type { Random } from '@blackroad/std/random';

const vocabulary = 30_000;
/** Of the formula of Mandelbrot, for English. */
const shift = 2.7;
const upTo: number[] = [];
for (let n = 0; n < vocabulary; n++) upTo.push((upTo[n - 1] ?? 0) + 1 / (n + shift));

/** A syllable a digit, with an ending that no rule of English takes off. */
function wordOf(n: number): string {
  let word = '';
  for (let rest = n + 7; rest > 0; rest = Math.floor(rest / 48))
    word += `${'bdfgklmnprtv'[rest % 12]}${'aiou'[Math.floor(rest / 12) % 4]}`;
  return `${word}k`;
}
export function zipfText(random: Random, words: number): string {
  return Array.from({ length: words }, () => {
    const at = random.next() * (upTo.at(-1) ?? 0);
    let low = 0;
    let high = vocabulary - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return wordOf(low);
  }).join(' ');
}
