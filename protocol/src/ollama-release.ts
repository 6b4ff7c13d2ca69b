// The release of Ollama that the image for Raspberry Pi installs: the coordinator's model cache fetches it once for the fleet, and whoever
// installs it compares its hash. Another version is another hash here. docs/flash-a-pi.md
export const ollamaReleasesUrl = 'https://github.com/ollama/ollama/releases/download';

export interface OllamaRelease {
  version: string;
  /** Its archive, with `bin` and `lib`, as Ollama names it. */
  file: string;
  sha256: string;
}
/** For arm64. */
export const ollamaRelease: OllamaRelease = {
  version: '0.34.4',
  file: 'ollama-linux-arm64.tar.zst',
  sha256: '96f50a1192133028cf4e010d8c333f8af14b1505db6be7b2034c11487e7fd7e6',
};

/** Where the model cache has it. */
export const ollamaPath = ({ version, file, sha256 }: OllamaRelease): string =>
  `/models/ollama/${version}/${file}?sha256=${sha256}`;
