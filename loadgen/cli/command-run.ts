/** `plimsoll run`: start a node (or use --target), drive it, record, summarise, report. */
import { availableParallelism } from 'node:os';
import type { CommandModule } from 'yargs';
import { LiveModel } from '../../reports/live/live-model.ts';
import { realClock } from '../clock.ts';
import { runLoad } from '../coordinator/coordinator.ts';
import type { RunSnapshot } from '../coordinator/progress.ts';
import type { MetricsServer } from '../exposition/metrics-server.ts';
import { RunExposition } from '../exposition/run-exposition.ts';
import { EXIT, exitCodeOfError, exitCodeOfVerdict } from './exit-codes.ts';
import { wantsColour } from './flags.ts';
import { liveRun, RunPage } from './live-run.ts';
import { troublesOf } from './progress-troubles.ts';
import { createProgressView } from './progress-view.ts';
import { ResultsSink } from './results-sink.ts';
import { type RunArguments, type RunFlags, runFlags } from './run-flags.ts';
import { keepResult } from './run-result.ts';
import { type RunSettings, readRunSettings } from './run-settings.ts';
import { openSpool, shownPlace } from './run-spool.ts';
import { commandLine, runStart } from './run-start.ts';
import { type AgentSupply, localAgents, openMetrics, openResults, remoteAgents } from './wiring.ts';

export const runCommand: CommandModule<object, RunFlags> = {
  command: 'run <scenario>',
  describe: 'start a node (or use --target), drive it, record, summarise, report',
  builder: runFlags,
  async handler(argv) {
    process.exitCode = await run(argv);
  },
};

async function run(argv: RunArguments): Promise<number> {
  const settings = await readRunSettings(argv);
  const { runId, plan, target, control, processes, node } = settings;
  const command = commandLine(process.argv.slice(2));
  const place = shownPlace(argv.results);

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
  const trouble = (text: string): void => {
    troubled = true;
    view.notice(`results: ${text}`);
  };
  const exposition = new RunExposition({ runId, scenario: plan.name });
  let metrics: MetricsServer | null = null;
  let agents: AgentSupply | undefined;
  // For the live page, and for the report where the results store can't be asked at the end.
  const live = new LiveModel({ runId, scenarioText: settings.loaded.text, command });
  let page: RunPage | null = null;
  try {
    metrics = await openMetrics(settings.metricsPlace, () => exposition.families(), view.notice);
    page = await openPage(settings, live, view.notice);
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
    const spool = openSpool({ runId, results: argv.results, limitBytes: settings.spoolLimit, onNotice: trouble });
    const sink = new ResultsSink(results, spool, {
      ...{ runId, place, onNotice: trouble },
      onBatch: (batch) => {
        live.add(batch);
        if (metrics !== null) exposition.add(batch);
      },
    });
    const troubles = (snapshot: RunSnapshot): string[] => [
      ...troublesOf(snapshot, Date.now()),
      ...(sink.away ? [`results: ${place} takes no rows; they wait on disk`] : []),
    ];
    try {
      const summary = await runLoad({
        plan,
        target,
        node: node.options,
        storeDirectory: node.storeDirectory,
        driver: settings.driver,
        authSecret: argv.authSecret || null,
        agents: agents.count,
        startAgent: agents.agent,
        runId,
        startedAtMs: settings.startedAtMs,
        name: settings.name,
        tags: settings.tags,
        clock: realClock,
        sink,
        judgeThresholds: argv.thresholds,
        onReady: async () => {
          await sink.start(runStart(settings, command));
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
      summary.notes.push(...agents.remarks);
      const kept = await keepResult(argv, summary, { results, sink, live, page, notice: view.notice, trouble });
      if (!kept) return EXIT.other;
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
      if (!troubled) trouble(error.message);
    });
    node.cleanUp();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Null where nobody asked for one. */
async function openPage(
  { runId, name, plan, processes, liveAddress }: RunSettings,
  live: LiveModel,
  notice: (text: string) => void,
): Promise<RunPage | null> {
  if (liveAddress === null) return null;
  const facts = { runId, name, ...processes, cores: availableParallelism() };
  return RunPage.open(liveAddress, liveRun(facts, plan), live, notice);
}
