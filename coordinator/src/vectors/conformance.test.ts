// The embedded index passes the suite of all vector stores.
import t from 'tap';
import { vectorConformance } from '../../../test/conformance/vectors.ts';
import { storeFiles } from '../../../test/fixtures/coordinator/store-files.ts';

await vectorConformance(t, { name: 'embedded', remote: null }, storeFiles(t));
