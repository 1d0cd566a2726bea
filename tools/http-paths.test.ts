/** What the load generator knows of the server's HTTP paths, and what the scenarios call, against the server's own document. */
import { expect, it } from 'vitest';
import { ROUTER_PATHS } from '../loadgen/drivers/shard-directory.ts';
import { knownScenarios, loadScenario } from '../loadgen/scenario-loader.ts';
import { OPENAPI_DOCUMENT, ROUTER_PATHS as SERVED, SHARD_PATHS } from '../server/transport/openapi.ts';

it('the router’s paths are those that no shard answers', () => {
  expect([...ROUTER_PATHS].sort()).toEqual(
    Object.keys(SERVED)
      .filter((path) => SHARD_PATHS[path] === undefined)
      .sort(),
  );
});

it('scenarios call what the server has', async () => {
  let calls = 0;
  for (const name of knownScenarios()) {
    const { scenario } = await loadScenario(name);
    for (const { method, path } of scenario.http?.requests ?? []) {
      calls++;
      const [pathname] = path.split('?');
      expect(OPENAPI_DOCUMENT.paths[pathname!], `${name}: ${path}`).toHaveProperty(method.toLowerCase());
    }
  }
  expect(calls).toBeGreaterThan(0);
});
