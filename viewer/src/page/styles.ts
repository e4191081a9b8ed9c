/** How the element looks; pages change it through the custom properties and through ::part. */

export const STYLES = `
:host { display: block; color-scheme: dark; position: relative; aspect-ratio: 3 / 2; overflow: hidden; contain: content;
  color: var(--sfumato-ink, #fff); font: 13px/1.45 system-ui, sans-serif; --glass: var(--sfumato-panel, rgb(18 18 20 / .72)); }
:host([hidden]) { display: none; }
:host(:fullscreen) { width: 100vw; height: 100vh; background: #000; }
.stage, .stage canvas, .poster { position: absolute; inset: 0; width: 100%; height: 100%; }
.stage canvas { display: block; touch-action: none; cursor: grab; outline-offset: -3px; }
.stage canvas:active { cursor: grabbing; }
.stage canvas:focus-visible, button:focus-visible, input:focus-visible { outline: 2px solid #7ab7ff; }
.stage canvas:focus-visible { outline-width: 3px; }
.poster { object-fit: contain; transition: opacity .15s; }
.poster.gone { opacity: 0; pointer-events: none; }
.line { position: absolute; left: 0; bottom: 0; height: 2px; width: 100%; background: #7ab7ff; transform-origin: left;
  transition: transform .15s linear, opacity .6s .4s; }
.line.done { opacity: 0; }
.bar { position: absolute; right: 8px; bottom: 8px; display: flex; gap: 6px; }
button { font: inherit; color: inherit; background: var(--glass); border: 0; border-radius: 6px; height: 30px; min-width: 30px; padding: 0 7px;
  cursor: pointer; display: grid; place-items: center; }
button:hover { background: rgb(60 60 66 / .85); }
button[aria-expanded=true] { box-shadow: inset 0 0 0 1px #7ab7ff; }
svg { width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
.panels { position: absolute; inset: 8px 8px 46px; display: flex; flex-wrap: wrap-reverse; place-content: flex-start space-between;
  align-items: flex-start; gap: 6px; pointer-events: none; }
.meter { box-sizing: border-box; padding: 8px 12px; border-radius: 8px; background: var(--glass); max-width: 100%; max-height: 100%;
  overflow: auto; pointer-events: auto; }
[hidden] { display: none !important; }
.meter dl { display: grid; grid-template-columns: auto auto; gap: 0 12px; margin: 0; }
.meter dt { opacity: .75; }
.meter dd { margin: 0; font-variant-numeric: tabular-nums; }
.meter label { display: flex; align-items: center; gap: 8px; margin-top: 4px; }
.meter label span:first-child { opacity: .75; }
.meter input { width: 96px; margin: 0; accent-color: #7ab7ff; }
.meter output { min-width: 6em; font-variant-numeric: tabular-nums; }
.pose { margin-left: auto; }
.pose span::first-letter { text-transform: uppercase; }
.pose label { justify-content: space-between; margin: 0; }
summary { cursor: pointer; }
.note { position: absolute; left: 8px; right: 8px; top: 8px; padding: 6px 10px; border-radius: 6px; background: var(--glass);
  overflow-wrap: anywhere; border-left: 3px solid #ffb454; }
.note.fatal { border-color: #ff6b6b; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { .poster, .line { transition: none; } }
`;
