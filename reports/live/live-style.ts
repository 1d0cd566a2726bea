/** What the live page has beside the report. */
export const LIVE_STYLE = `
.live-banner { margin-top: 18px; padding: 12px 18px; border: 1px solid var(--line-strong); border-left: 3px solid var(--warn); border-radius: 8px; background: var(--surface); font-size: 15px; }
:root[data-live="lost"] .live-banner, :root[data-live="gone"] .live-banner { position: sticky; top: 56px; z-index: 4; }
:root[data-live="ended"] .live-banner { border-left-color: var(--accent); }
.live-bar { height: 8px; margin-top: 20px; border-radius: 4px; background: var(--shade); overflow: hidden; max-width: 84ch; }
.live-bar span { display: block; height: 100%; border-radius: 4px; background: var(--accent); }
.notices { margin-top: 22px; color: var(--muted); font-size: 14px; max-width: 84ch; }
.notices summary { cursor: pointer; }
.notices ul { margin-top: 10px; }
.reasons.troubled { --tone: var(--warn); }
.hero.live { --tone: var(--accent); }
:root[data-live="lost"] .hero.live, :root[data-live="gone"] .hero.live { --tone: var(--warn); }
:root[data-live="gone"] .live-bar span { background: var(--muted); }
`;
