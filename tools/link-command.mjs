// Makes `npx plimsoll` work in a checkout: npm links the commands of dependencies only, not a package's own.
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';

const link = new URL('../node_modules/.bin/plimsoll', import.meta.url);
mkdirSync(new URL('.', link), { recursive: true });
rmSync(link, { force: true });
symlinkSync('../../loadgen/cli/bin.mjs', link);
