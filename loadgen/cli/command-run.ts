/** `plimsoll run`: start a node (or use --target), drive it, record, summarise, report. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { LiveModel } from '../../reports/live/live-model.ts';
import type { ReportModel } from '../../reports/report-model.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import { realClock } from '../clock.ts';
import { readAddress, withoutSecrets } from '../control/nats-line.ts';
import { runLoad } from '../coordinator/coordinator.ts';
import { describeMachine } from '../coordinator/machine.ts';
import type { RunSnapshot } from '../coordinator/progress.ts';
import { loadDriver, REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import type { MetricsServer } from '../exposition/metrics-server.ts';
import { RunExposition } from '../exposition/run-exposition.ts';
import { FaultSchedule } from '../faults/fault-schedule.ts';
import { compileScenario, type Durability, type LoadPlan } from '../population/load-plan.ts';
import type { RunSummary } from '../recorder/summary.ts';
import { type LoadedScenario, loadScenario } from '../scenario-loader.ts';
import { formatCount } from '../units.ts';
import { ceilingRemark, readCeiling } from './ceiling-file.ts';
import { checkMachine } from './doctor-checks.ts';
import { readMachineFacts } from './doctor-facts.ts';
import { planProcesses } from './doctor-plan.ts';
import { EXIT, exitCodeOfError, exitCodeOfVerdict, UsageError } from './exit-codes.ts';
import {
  FLAGS,
  readBytes,
  readCount,
  readDuration,
  readMetricsPlace,
  readRate,
  readTags,
  readTarget,
  readWhole,
  wantsColour,
} from './flags.ts';
import { LIVE_FLAG, readLive } from './live-flag.ts';
import { liveRun, RunPage } from './live-run.ts';
import { checkOutputs, takesStandardOutput } from './output-places.ts';
import { outputsOf, secondsOf, writeOutputs } from './outputs.ts';
import { troublesOf } from './progress-troubles.ts';
import { createProgressView } from './progress-view.ts';
import { ResultsSink } from './results-sink.ts';
import { embeddedNode } from './run-data.ts';
import { createRunId } from './run-id.ts';
import { lostSentence, openSpool, shownPlace, waitingSentence } from './run-spool.ts';
import { teeSink } from './tee-sink.ts';
import { type AgentSupply, localAgents, openMetrics, openResults, remoteAgents } from './wiring.ts';

const builder = (argv: Argv) =>
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

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const runCommand: CommandModule<object, Arguments> = {
  command: 'run <scenario>',
  describe: 'start a node (or use --target), drive it, record, summarise, report',
  builder,
  async handler(argv) {
    process.exitCode = await run(argv);
  },
};

async function run(argv: ArgumentsCamelCase<Arguments>): Promise<number> {
  const loaded = await loadScenario(argv.scenario);
  const compiled = compileScenario(
    loaded.scenario,
    {
      connections: readCount('connections', argv.connections),
      durationMs: readDuration('duration', argv.duration),
      rate: readRate('rate', argv.rate),
      seed: argv.seed,
      shards: readWhole('shards', argv.shards, 1, 1_000),
      agents: readWhole('agents', argv.agents, 1, 1_000),
      durability: argv.durability as Durability | undefined,
    },
    loaded.samples,
  );
  const plan = { ...compiled, description: describeRun(compiled.description, argv) };
  const target = readTarget(argv.target);
  const tags = readTags(argv.tag);
  const driver = argv.driver ?? plan.driver ?? REFERENCE_DRIVER;
  const liveAddress = readLive(argv.live);
  checkOutputs(argv);
  const spoolLimit = readBytes('spool-limit', argv.spoolLimit)!;
  await loadDriver(driver); // a module that does not load is found before anything starts
  const runId = createRunId(plan.name, Date.now());
  const control = readControl(argv, target);
  const metricsPlace = readMetricsPlace(argv.metrics);
  const processes = processesFor(plan, target, control !== null);
  const node = embeddedNode(argv, plan, runId, processes.shards);
  FaultSchedule.check(plan.faults, {
    embedded: target === null,
    localAgents: control === null,
    ownStore: argv.store === undefined && argv.data === undefined && plan.server.store === null,
    store: node.storeDirectory === null ? 'memory' : 'level',
    connections: plan.connections,
    shards: processes.shards,
  });

  const stop = new AbortController();
  let signals = 0;
  const onSignal = (): void => {
    signals++;
    if (signals === 1) {
      view.notice('stopping in order; once more to stop at once');
      stop.abort();
    } else process.exit(EXIT.stoppedBySignal);
  };
  const view = createProgressView(process.stderr, {
    quiet: argv.quiet,
    colour: wantsColour(argv.color, process.stderr),
  });
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  const results = await openResults(argv.results);
  let underWay = false;
  let troubled = false;
  const notice = (text: string): void => {
    troubled = true;
    view.notice(`results: ${text}`);
  };
  const exposition = new RunExposition({ runId, scenario: plan.name });
  let metrics: MetricsServer | null = null;
  let agents: AgentSupply | undefined;
  // For the live page, and for the report where the results store can't be asked at the end.
  const live = new LiveModel({ runId, scenarioText: loaded.text, command: commandLine() });
  let page: RunPage | null = null;
  try {
    metrics = await openMetrics(metricsPlace, () => exposition.families(), view.notice);
    if (liveAddress !== null) {
      const { agents, shards } = processes;
      const facts = { runId, name: argv.name ?? plan.name, agents, shards, cores: availableParallelism() };
      page = await RunPage.open(liveAddress, liveRun(facts, plan), live, view.notice);
    }
    agents =
      control === null
        ? localAgents(processes.agents)
        : await remoteAgents(control.url, {
            count: plan.agents,
            most: plan.users,
            connections: plan.connections,
            runId,
            waitMs: control.waitMs,
            silenceMs: control.silenceMs,
            onNotice: view.notice,
            signal: stop.signal,
          });
    const spool = openSpool({ runId, results: argv.results, limitBytes: spoolLimit, onNotice: notice });
    const sink = new ResultsSink(results, spool, {
      runId,
      place: shownPlace(argv.results),
      onNotice: notice,
      onBatch: (batch) => live.add(batch),
    });
    const troubles = (snapshot: RunSnapshot): string[] => [
      ...troublesOf(snapshot, Date.now()),
      ...(sink.away ? [`results: ${shownPlace(argv.results)} does not answer; rows wait on disk`] : []),
    ];
    try {
      const summary = await runLoad({
        plan,
        target,
        node: node.options,
        storeDirectory: node.storeDirectory,
        driver,
        authSecret: argv.authSecret || null,
        agents: agents.count,
        startAgent: agents.agent,
        runId,
        name: argv.name ?? plan.name,
        tags,
        clock: realClock,
        sink: metrics === null ? sink : teeSink(sink, (batch) => exposition.add(batch)),
        judgeThresholds: argv.thresholds,
        onReady: async () => {
          await sink.start(runStart(argv, loaded, plan, runId, tags));
          underWay = true;
        },
        onProgress: (snapshot) => {
          view.show(snapshot, troubles(snapshot));
          exposition.show(snapshot);
          page?.show(snapshot, troubles(snapshot));
        },
        onNotice: (text) => view.notice(text),
        signal: stop.signal,
      });
      view.end();
      noteCeiling(summary);
      summary.notes.push(...agents.remarks);
      const { waiting, lost } = await sink.finish(summary);
      if (waiting > 0) notice(waitingSentence(waiting, spool.place, argv.results));
      if (lost > 0) notice(lostSentence(lost));
      const stored = waiting + lost > 0 ? null : await readBack(results, runId, notice);
      const wanted = argv.html ?? defaultReport(runId, view.notice);
      const model = stored ?? live.model(summary);
      await writeOutputs(
        model,
        {
          ...outputsOf(argv),
          html: wanted,
          json: argv.json,
          quiet: takesStandardOutput(argv),
          colour: wantsColour(argv.color, process.stdout),
        },
        stored ? secondsOf(results, runId) : null,
      );
      await page?.end(model, endSentence(wanted));
      if (lost > 0) return EXIT.other;
      return stop.signal.aborted ? EXIT.stoppedBySignal : exitCodeOfVerdict(summary.verdict);
    } finally {
      view.end();
      await sink.close();
    }
  } catch (error) {
    troubled = true;
    await page?.end(null, `The run has ended without a result: ${(error as Error).message}`);
    // Nothing was measured yet: the agents were still being waited for.
    if (stop.signal.aborted && error === stop.signal.reason) return EXIT.stoppedBySignal;
    // Bad configuration is what is found before any load.
    if (underWay && exitCodeOfError(error) === EXIT.badConfiguration)
      throw new Error((error as Error).message, { cause: error });
    throw error;
  } finally {
    await metrics?.close();
    await agents?.close();
    await results.close().catch((error: Error) => {
      if (!troubled) notice(error.message);
    });
    node.cleanUp();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** For who looks at the live page. `report`: where the HTML went. */
function endSentence(report: string | undefined): string {
  const where = report === undefined || report === '-' ? '' : ` Its report is in ${resolve(report)}.`;
  return `The run has ended; this page shows its result, and stays as it is.${where}`;
}

/** What the generator could do here at most stands beside what was measured, where that is known. */
function noteCeiling({ notes, metadata, config }: RunSummary): void {
  const ceiling = readCeiling();
  if (ceiling === null) return;
  const { cpu, cores } = metadata.machine;
  const remark = ceilingRemark(ceiling, { cpu, cores, plimsollVersion: metadata.plimsollVersion }, config.rateOffered);
  if (remark !== null) notes.push(remark);
}

/** What the report shows; null when the store can't be read, for the summary is not to be lost. */
async function readBack(
  results: ResultsStore,
  runId: string,
  notice: (text: string) => void,
): Promise<ReportModel | null> {
  try {
    return await results.loadRun(runId);
  } catch (error) {
    notice((error as Error).message);
    return null;
  }
}

/** Where the report goes when nobody said where; nowhere if that can't be written. */
function defaultReport(runId: string, notice: (text: string) => void): string | undefined {
  const folder = join('.plimsoll', 'reports');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return join(folder, `${runId}.html`);
  } catch (error) {
    notice(`no HTML report: ${folder} can't be written (${(error as Error).message}); name a place with --html`);
    return undefined;
  }
}

/** A scenario's description fits its own numbers: says which the command line changed. */
function describeRun(description: string, argv: ArgumentsCamelCase<Arguments>): string {
  const changes = (['connections', 'rate', 'duration'] as const).flatMap((flag) =>
    argv[flag] === undefined ? [] : [`--${flag} ${argv[flag]}`],
  );
  return changes.length === 0 ? description : `${description} (changed: ${changes.join(', ')})`;
}

/** As it was typed, but for user and password in an address: it is kept and shown. */
function commandLine(): string {
  return `plimsoll ${process.argv.slice(2).map(withoutSecrets).map(quote).join(' ')}`;
}

/** How agents on other machines are reached; null: agents are processes of this one. */
function readControl(
  argv: ArgumentsCamelCase<Arguments>,
  target: string | null,
): { url: string; waitMs: number; silenceMs: number } | null {
  if (argv.control === undefined) return null;
  readAddress(argv.control);
  if (target === null) {
    throw new UsageError(
      '--control needs --target ws://host:port: agents on other machines can’t reach a node that is started here',
    );
  }
  const waitMs = readDuration('agent-wait', argv.agentWait)!;
  const silenceMs = readDuration('agent-silence', argv.agentSilence)!;
  if (silenceMs < 3_000) throw new UsageError(`--agent-silence must be 3s or more, not "${argv.agentSilence}"`);
  return { url: argv.control, waitMs, silenceMs };
}

function processesFor(plan: LoadPlan, target: string | null, remote: boolean): { shards: number; agents: number } {
  if (remote) return { shards: 0, agents: 0 };
  const facts = readMachineFacts(process.cwd());
  const planned = planProcesses(plan.connections, facts);
  const shards = plan.server.shards ?? planned.shards;
  const agents = plan.agents ?? planned.agents;
  const { largest } = checkMachine(facts, plan.connections);
  if (target === null && plan.connections > largest.connections) {
    throw new UsageError(
      `${formatCount(plan.connections)} connections are more than this machine can hold with both ends on it: ` +
        `${formatCount(largest.connections)}, bound by ${largest.name}; "plimsoll doctor" says how to raise that`,
    );
  }
  if (agents > plan.users)
    throw new UsageError(`${agents} agents are more than the ${plan.users} users of the scenario`);
  return { shards: target === null ? shards : 0, agents };
}

function runStart(
  argv: ArgumentsCamelCase<Arguments>,
  loaded: LoadedScenario,
  plan: LoadPlan,
  runId: string,
  tags: Record<string, string>,
) {
  return {
    runId,
    name: argv.name ?? plan.name,
    tags,
    startedAtMs: Date.now(),
    scenario: plan.name,
    scenarioText: loaded.text,
    command: commandLine(),
    seed: plan.seed,
    config: { ...plan, thresholds: plan.thresholds.map(({ metric, source }) => ({ metric, threshold: source })) },
    environment: describeMachine(argv.target === undefined),
  };
}

/** An argument as a shell would need it. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
