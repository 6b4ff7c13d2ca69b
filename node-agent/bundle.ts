// Bundles the node-agent into `dist`, where bin/fleet-node finds it.
import { bundleNodeAgent } from './bundling.ts';

await bundleNodeAgent(new URL('dist', import.meta.url).pathname);
