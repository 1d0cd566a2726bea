/** The version in package.json, found from wherever this file runs (source or build). */
import { readFileSync } from 'node:fs';
import { packageRoot } from './package-root.ts';

export const PLIMSOLL_VERSION: string = JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')).version;
