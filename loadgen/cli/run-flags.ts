/** The flags of `plimsoll run`. */
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { FLAGS } from './flags.ts';
import { LIVE_FLAG } from './live-flag.ts';

export const runFlags = (argv: Argv) =>
  argv
    .positional('scenario', {
      type: 'string',
      demandOption: true,
      describe: 'a scenario file, or the name of one that comes with Plimsoll',
    })
    .options({
      target: FLAGS.target,
      connections: FLAGS.connections,
      duration: FLAGS.duration,
      rate: FLAGS.rate,
      agents: FLAGS.agents,
      control: FLAGS.control,
      'agent-wait': { type: 'string', default: '1m', describe: 'with --control: how long to wait for the agents' },
      'agent-silence': {
        type: 'string',
        default: '15s',
        describe: 'with --control: an agent, or a NATS server, that is away for so long is given up',
      },
      shards: FLAGS.shards,
      results: FLAGS.results,
      'spool-limit': FLAGS['spool-limit'],
      store: FLAGS.store,
      data: FLAGS.data,
      durability: FLAGS.durability,
      driver: FLAGS.driver,
      seed: FLAGS.seed,
      name: FLAGS.name,
      tag: FLAGS.tag,
      html: FLAGS.html,
      'summary-json': FLAGS['summary-json'],
      markdown: FLAGS.markdown,
      junit: FLAGS.junit,
      hlog: FLAGS.hlog,
      csv: FLAGS.csv,
      metrics: FLAGS.metrics,
      live: LIVE_FLAG,
      quiet: FLAGS.quiet,
      color: FLAGS.color,
      thresholds: FLAGS.thresholds,
      json: FLAGS.json,
      'auth-secret': FLAGS['auth-secret'],
    })
    .example('$0 run smoke', 'does everything work? half a minute')
    .example('$0 run scenarios/fifty-thousand.ts --summary-json s.json', 'the main job')
    .example('$0 run smoke --junit junit.xml --markdown summary.md', 'for CI and a pull request')
    .example('$0 run day --live', 'watch it on a page as it goes, at http://127.0.0.1:5665/')
    .example('$0 run day --control nats://10.0.0.5:4222 -a 4 -t ws://10.0.0.9:4600', 'with agents on other machines')
    .example('$0 run my-chat.ts -t ws://10.0.0.5:4600 -c 10k -R 500', 'your scenario against a node elsewhere');

export type RunFlags = ReturnType<typeof runFlags> extends Argv<infer A> ? A : never;

export type RunArguments = ArgumentsCamelCase<RunFlags>;
