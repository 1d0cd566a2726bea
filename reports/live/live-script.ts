/** What the live page does in the reader's browser: takes what changed, hands it to the charts, and says when the run has ended. */
import { APPLY_CHANGE_SCRIPT } from './live-change.ts';

/** The root gets `data-live`: `on`, `lost`, `gone` or `ended`. Charts get a `chartdata` event; in a hidden tab only when it is looked at. */
export const LIVE_SCRIPT = `
(() => {
  'use strict';
  const GONE_AFTER_MS = 5000;
  const root = document.documentElement;
  const banner = document.getElementById('live-banner');
  const runId = banner.dataset.run;
  let state = null;
  let due = false;
  let lostAt = 0;
${APPLY_CHANGE_SCRIPT}

  function say(live, text) {
    root.dataset.live = live;
    banner.hidden = text === '';
    if (banner.textContent !== text) banner.textContent = text;
  }

  /** Nothing is known of the run any more: its figures stay, but nothing may say that it goes on. */
  function showNoAnswer(headline, text) {
    const hero = document.getElementById('verdict');
    hero.querySelector('.verdict').textContent = headline;
    const reasons = hero.querySelector('.reasons');
    const words = document.createElement('p');
    words.textContent = text;
    reasons.replaceChildren(words);
    reasons.classList.add('troubled');
    if (state !== null) document.title = headline.toLowerCase() + ': ' + state.title;
    shown.hero = shown.title = null;
  }

  /** Sections of the page as they are now. Charts that are there stay as they are, with what was chosen in them. */
  function showSections(html) {
    const next = document.createElement('template');
    next.innerHTML = html;
    let before = null;
    for (const section of [...next.content.querySelectorAll('section')]) {
      const present = document.getElementById(section.id);
      const charts = section.querySelector('.charts');
      if (present && present.querySelector('.charts') && charts) {
        for (const figure of charts.querySelectorAll('figure[data-chart]')) {
          const known = document.querySelector('figure[data-chart="' + figure.dataset.chart + '"]');
          if (known && Boolean(known.querySelector('select')) === Boolean(figure.querySelector('select'))) figure.replaceWith(known);
        }
        present.querySelector('.charts').replaceWith(charts);
      } else if (present) present.replaceWith(section);
      else if (before) before.after(section);
      before = document.getElementById(section.id) || before;
    }
  }

  const shown = { hero: null, frames: null, title: null };
  function show() {
    if (document.hidden || state === null) {
      due = true;
      return;
    }
    due = false;
    const hero = document.getElementById('verdict');
    if (shown.hero !== state.hero) {
      const open = hero.querySelector('details') && hero.querySelector('details').open;
      hero.innerHTML = shown.hero = state.hero;
      if (open && hero.querySelector('details')) hero.querySelector('details').open = true;
    }
    if (shown.frames !== null && shown.frames !== state.frames) showSections(state.frames);
    shown.frames = state.frames;
    if (shown.title !== state.title) document.title = shown.title = state.title;
    document.dispatchEvent(new CustomEvent('chartdata', { detail: state.data }));
  }
  document.addEventListener('visibilitychange', () => {
    if (due) show();
  });

  const events = new EventSource('events');
  events.addEventListener('state', (event) => {
    const next = JSON.parse(event.data);
    // Another run answers at this address now.
    if (next.runId !== runId) return location.reload();
    state = next;
    lostAt = 0;
    say('on', '');
    show();
  });
  events.addEventListener('change', (event) => {
    if (state === null) return;
    state = changed(state, JSON.parse(event.data));
    show();
  });
  events.addEventListener('end', (event) => {
    events.close();
    const { report, note } = JSON.parse(event.data);
    if (report !== null) {
      showSections(report.main);
      document.title = report.title;
      document.querySelector('.run strong').textContent = report.brandName;
      document.querySelector('.run span').textContent = report.runLine;
      document.querySelector('footer p').textContent = report.footer;
      document.querySelector('nav').replaceChildren(...report.nav.filter(([id]) => document.getElementById(id)).map(([id, label]) => {
        const link = document.createElement('a');
        link.href = '#' + id;
        link.append(label);
        return link;
      }));
      document.dispatchEvent(new CustomEvent('chartdata', { detail: report.data }));
    }
    say('ended', note);
  });
  events.addEventListener('error', () => {
    if (events.readyState === EventSource.CLOSED && root.dataset.live === 'ended') return;
    lostAt = lostAt || Date.now();
    const gone = Date.now() - lostAt > GONE_AFTER_MS || events.readyState === EventSource.CLOSED;
    const text = gone
      ? 'The run can’t be reached any more: it has ended or was stopped. What was seen so far stays here; plimsoll report ' + runId + ' shows what was stored of it.'
      : 'The connection to the run is lost; trying again.';
    say(gone ? 'gone' : 'lost', text);
    showNoAnswer(gone ? 'RUN GONE' : 'NO ANSWER', text);
  });
})();
`;
