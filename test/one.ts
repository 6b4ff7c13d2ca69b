// Runs one file of tests without what tap does for each promise: it follows all of them, to know of an error that nobody caught which test of
// the file was at fault. That is a third of the processor time of what waits much, as the world of rollouts does (28 s or 18 s). Such an error
// ends the file now, with the error on stderr: it is red either way, and `tap FILE` names the test.
import async_hooks from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const none: async_hooks.AsyncHook = { enable: () => none, disable: () => none };
async_hooks.createHook = () => none;
syncBuiltinESMExports();

await import(pathToFileURL(resolve(process.argv[2] as string)).href);
