/** Scenario files: found by path or by name, read afresh, checked. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { createJiti } from 'jiti';
import * as scenarioModule from '../scenarios/scenario.ts';
import {
  type CheckedScenario,
  MESSAGE_BYTES_MAX,
  MESSAGE_BYTES_MIN,
  parseScenario,
  ScenarioError,
} from '../scenarios/scenario-schema.ts';
import { closestName } from './closest-name.ts';
import { absoluteDriverName } from './drivers/driver-loader.ts';
import { guardedImport } from './guarded-import.ts';
import { packageRoot } from './package-root.ts';

export { ScenarioError };

export interface LoadedScenario {
  scenario: CheckedScenario;
  /** Absolute. */
  path: string;
  /** The file as it was read. */
  text: string;
  /** Sizes of the file that `population.messageBytes` names. */
  samples?: number[];
}

const EXTENSIONS = ['.ts', '.js', '.mjs', '.json'];

/** Files of the scenarios folder that are not scenarios. */
const NOT_SCENARIOS = /^scenario(-\w+)?\.|\.(test|suite|d)\./;

/**
 * Load a scenario: a path (from `cwd`) to a .ts, .js, .mjs or .json file, or the bare name of one that comes with Plimsoll.
 * TypeScript needs no build, and `import { defineScenario } from 'plimsoll/scenario'` works wherever the file lies.
 *
 * Throws ScenarioError: not found, does not parse (file:line:column), fails when evaluated, no default export, does not fit
 * the schema.
 */
export async function loadScenario(pathOrName: string, options: { cwd?: string } = {}): Promise<LoadedScenario> {
  const path = findScenario(pathOrName, options.cwd ?? process.cwd());
  const text = readText(path);
  const exported = extname(path) === '.json' ? parseJson(path, text) : await evaluate(path);
  try {
    const scenario = parseScenario(exported);
    const bytes = scenario.population?.messageBytes;
    const samples = typeof bytes === 'object' && 'file' in bytes ? readSizes(resolve(dirname(path), bytes.file)) : null;
    // A driver's path is meant from the scenario's folder.
    if (scenario.driver !== undefined) scenario.driver = absoluteDriverName(scenario.driver, dirname(path));
    return { scenario, path, text, ...(samples && { samples }) };
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    throw new ScenarioError(
      error.problems.map((problem) => `${path}: ${problem}`),
      { cause: error },
    );
  }
}

/** Names of the scenarios that come with Plimsoll. */
export function knownScenarios(): string[] {
  const names = readdirSync(scenariosFolder())
    .filter((file) => EXTENSIONS.includes(extname(file)) && !NOT_SCENARIOS.test(file))
    .map((file) => basename(file, extname(file)));
  return [...new Set(names)].sort();
}

function findScenario(pathOrName: string, cwd: string): string {
  const path = resolve(cwd, pathOrName);
  if (existsSync(path) && statSync(path).isFile()) {
    if (EXTENSIONS.includes(extname(path))) return path;
    throw new ScenarioError(`${path} is not a scenario: its name must end in ${EXTENSIONS.join(', ')}`);
  }
  const isName = !pathOrName.includes('/') && !pathOrName.includes(sep) && !EXTENSIONS.includes(extname(pathOrName));
  const known = knownScenarios();
  if (isName && known.includes(pathOrName)) {
    return EXTENSIONS.map((extension) => join(scenariosFolder(), pathOrName + extension)).find((file) =>
      existsSync(file),
    )!;
  }
  const closest = closestName(basename(pathOrName, extname(pathOrName)), known);
  const hint = closest === undefined ? '' : `did you mean "${closest}"? `;
  throw new ScenarioError(`there is no scenario "${pathOrName}"; ${hint}give a path or one of: ${known.join(', ')}`);
}

function scenariosFolder(): string {
  return join(packageRoot(), 'scenarios');
}

/** One payload size a line, bytes; blank lines and what follows a # are passed over. */
function readSizes(path: string): number[] {
  return readText(path)
    .split('\n')
    .flatMap((line, index) => {
      const text = line.replace(/#.*/, '').trim();
      if (text === '') return [];
      const bytes = Number(text);
      if (Number.isInteger(bytes) && bytes >= MESSAGE_BYTES_MIN && bytes <= MESSAGE_BYTES_MAX) return [bytes];
      throw new ScenarioError(
        `${path}:${index + 1}: "${text}" is not a size from ${MESSAGE_BYTES_MIN} to ${MESSAGE_BYTES_MAX} bytes`,
      );
    });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ScenarioError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const [reason = ''] = (error as Error).message.split(/ in JSON| at position| \(line/);
    const position = Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? text.length);
    const lines = text.slice(0, position).split('\n');
    throw new ScenarioError(`${path}:${lines.length}:${lines.at(-1)!.length + 1} does not parse: ${reason}`, {
      cause: error,
    });
  }
}

async function evaluate(path: string): Promise<unknown> {
  const jiti = createJiti(path, {
    moduleCache: false,
    fsCache: false,
    interopDefault: false,
    virtualModules: { 'plimsoll/scenario': scenarioModule },
  });
  let exported: Record<string, unknown>;
  try {
    exported = (await guardedImport(path, () => jiti.import(path))) as Record<string, unknown>;
  } catch (error) {
    throw evaluationError(path, error);
  }
  if (exported === null || typeof exported !== 'object' || !('default' in exported)) {
    throw new ScenarioError(`${path} has no default export; write "export default defineScenario({ … })"`);
  }
  return exported.default;
}

/** Errors of the transform name a place in their message, errors of evaluation in their stack. */
function evaluationError(path: string, error: unknown): ScenarioError {
  if (!(error instanceof Error))
    return new ScenarioError(`${path} fails: it throws ${String(error)}`, { cause: error });
  const parse = /^ParseError: (.*?)\s*\n\s*(\S.*:\d+:\d+)/s.exec(error.message);
  if (parse) return new ScenarioError(`${parse[2]} does not parse: ${parse[1]}`, { cause: error });
  const at = error.stack?.split(path)[1]?.match(/^:\d+:\d+/)?.[0] ?? '';
  return new ScenarioError(`${path}${at} fails: ${error.message.split('\n')[0]}`, { cause: error });
}
