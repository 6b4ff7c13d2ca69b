// The models that a cloud node offers, from its options and the catalogue. In: the configuration. Out: what the runtime of the paid API is
// built with; a mistake is told by the name of its option.
import { type CloudModel, type CloudProviderName, readCloudCatalogue } from '@blackroad/protocol/cloud-models';
import { OptionError } from '@blackroad/std/options';
import type { NodeConfig } from './config.ts';
import type { CloudOptions } from './runtimes/cloud-provider.ts';

type CloudConfig = Pick<NodeConfig, 'cloudUrl' | 'cloudKey' | 'cloudModels' | 'cloudCatalogue' | 'slots'>;

/** @throws OptionError */
export function cloudOffer(provider: CloudProviderName, config: CloudConfig): CloudOptions {
  const { cloudUrl: url, cloudKey: apiKey, slots } = config;
  if (apiKey === '')
    throw new OptionError(
      '--cloud: expected the API key with it, in a file named by --cloud-key-file, as BLACKROAD_CLOUD_KEY, or as the systemd credential cloud-key.',
    );
  const models = offered(provider, config);
  return { provider, apiKey, models, ...(url ? { url } : {}), ...(slots > 0 ? { slots } : {}) };
}

function offered(cloud: CloudProviderName, { cloudModels, cloudCatalogue }: CloudConfig): CloudModel[] {
  const catalogue = readCloudCatalogue(cloudCatalogue);
  if ('fault' in catalogue) throw new OptionError(`--cloud-catalogue: ${catalogue.fault}`);
  const known = catalogue.models.filter(({ provider }) => provider === cloud);
  const names = [...new Set(cloudModels.split(',').map((name) => name.trim()))].filter(Boolean);
  if (names.length === 0) return known;
  return names.map((name) => {
    const model = known.find((each) => each.name === name);
    if (model) return model;
    const list = known.map((each) => each.name).join(', ');
    throw new OptionError(
      `--cloud-models: expected models of ${cloud} with a price, got ${JSON.stringify(name)}. Known are ${list}; others come with a file for --cloud-catalogue.`,
    );
  });
}
