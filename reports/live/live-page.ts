/**
 * The page that shows a run while it goes on: the charts of the report, from rows as they come. Costs next to nothing while
 * nobody looks, and once a second what changed for all who look together.
 */
import { chartData } from '../render/chart-data.ts';
import type { ChartData } from '../render/chart-model.ts';
import { chartSections } from '../render/html-figures.ts';
import { renderPage } from '../render/html-page.ts';
import { escapeHtml } from '../render/html-text.ts';
import { reportParts } from '../render/render-html.ts';
import type { ReportModel } from '../report-model.ts';
import { changeOf, type Json } from './live-change.ts';
import { liveHero } from './live-hero.ts';
import type { LiveModel } from './live-model.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import { type LiveAddress, LiveServer } from './live-server.ts';
import type { LiveRun, LiveStatus } from './live-status.ts';
import { LIVE_STYLE } from './live-style.ts';
import { LiveViewers, VIEWERS_MAX } from './live-viewers.ts';
import { Spacing } from './spacing.ts';
import { summarySoFar } from './summary-so-far.ts';

const INTERVAL_MS = 1_000;
/** What all samples so far say together moves slowly, but all of it with every sample. */
const SPREADS_INTERVAL_MS = 5_000;
/** Shares of a core that may be spent on the charts, and on those spreads: what takes long is done less often. */
const CHARTS_SHARE = 0.01;
const SPREADS_SHARE = 0.005;

/** What a page shows. */
interface LiveState {
  runId: string;
  title: string;
  /** HTML of the top, and of the frames for the charts. */
  hero: string;
  frames: string;
  data: ChartData;
}

export interface LivePageOptions {
  address: LiveAddress;
  run: LiveRun;
  /** Gathers the rows; whoever owns it adds them. */
  model: LiveModel;
  status: () => LiveStatus;
}

export class LivePage {
  #options: LivePageOptions;
  #viewers = new LiveViewers();
  #server!: LiveServer;
  #timer: NodeJS.Timeout;
  #state: LiveState | null = null;
  #spreads: ReturnType<LiveModel['spreads']> | null = null;
  #charts = new Spacing(CHARTS_SHARE, 0);
  #spreading = new Spacing(SPREADS_SHARE, SPREADS_INTERVAL_MS);

  private constructor(options: LivePageOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#publishOrSayWhy(), INTERVAL_MS);
  }

  /** Throws LiveAddressError. */
  static async start(options: LivePageOptions): Promise<LivePage> {
    const page = new LivePage(options);
    try {
      page.#server = await LiveServer.start(options.address, {
        page: () => page.#document(),
        follow: (response) => {
          if (page.#viewers.count >= VIEWERS_MAX) return false;
          page.#viewers.add(response, JSON.stringify(page.#current()));
          return true;
        },
      });
    } catch (error) {
      clearInterval(page.#timer);
      throw error;
    }
    return page;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Shows the finished run (null: there is nothing to show of it) and a sentence, and serves no more. */
  async end(model: ReportModel | null, note: string): Promise<void> {
    clearInterval(this.#timer);
    if (this.#viewers.count > 0) {
      this.#viewers.end(JSON.stringify({ report: model === null ? null : reportParts(model), note }));
    }
    await this.#server.stop();
  }

  /** A page is a courtesy: where it can't be drawn those who look are told so, and the run goes on. */
  #publishOrSayWhy(): void {
    try {
      this.#publish();
    } catch (error) {
      const note = `The page can’t go on: ${(error as Error).message}. The run does; its report will say how it went.`;
      this.#viewers.end(JSON.stringify({ report: null, note }));
    }
  }

  #publish(): void {
    if (this.#viewers.count === 0) {
      this.#state = this.#spreads = null;
      this.#charts.forget();
      this.#spreading.forget();
      return;
    }
    const before = this.#state;
    const after = this.#gather();
    const change = before === null ? null : changeOf(asJson(before), asJson(after));
    this.#viewers.send(change === null ? null : JSON.stringify(change), () => JSON.stringify(after), performance.now());
  }

  /** What those who look have: newcomers get the same, so that the next change fits all. */
  #current(): LiveState {
    return this.#state ?? this.#gather();
  }

  #gather(): LiveState {
    const { run, status } = this.#options;
    const now = status();
    const data = this.#charts.ask(() => this.#draw(now)) ?? this.#state!.data;
    this.#state = {
      runId: run.runId,
      title: `${now.phase}: ${run.name} – Plimsoll`,
      hero: liveHero(run, now),
      frames: framesFor(data, this.#state),
      data,
    };
    return this.#state;
  }

  #draw(now: LiveStatus): ChartData {
    const { run, model } = this.#options;
    this.#spreads = this.#spreading.ask(() => model.spreads()) ?? this.#spreads!;
    const summary = summarySoFar(run, now, model.completeUntilMs);
    return chartData({ ...model.wholeLines(summary), ...this.#spreads });
  }

  #document(): string {
    const { run } = this.#options;
    const { title, hero, frames, data } = this.#current();
    const banner = `<p class="live-banner" id="live-banner" role="status" data-run="${escapeHtml(run.runId)}" hidden></p>`;
    const top = `<section id="verdict" class="hero live" aria-labelledby="verdict-title">${hero}</section>`;
    return renderPage({
      title,
      brandName: run.name,
      runLine: `Run ${run.runId}, live`,
      nav: [
        ['verdict', 'Now'],
        ['charts', 'Over time'],
        ['distribution', 'Distribution'],
      ],
      main: [banner, top, frames].join('\n'),
      data,
      scripts: [LIVE_SCRIPT],
      style: LIVE_STYLE,
      footer: `Run ${run.runId} · the page is served by the run itself, and ends with it`,
      connects: true,
    });
  }
}

function asJson(state: LiveState): Json {
  return state as unknown as Json;
}

/** Frames change only with the charts that there are: the words in them would be new every second. */
function framesFor(data: ChartData, before: LiveState | null): string {
  const shape = ({ charts }: ChartData) => charts.map(({ id, variants }) => `${id} ${variants.length > 1}`).join();
  return before !== null && shape(before.data) === shape(data) ? before.frames : chartSections(data);
}
