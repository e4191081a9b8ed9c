/** What has come, in numbers, and how fast it may. */

import { make } from "./dom";
import { bytesText, rateText } from "./rate";
import type { Report } from "./viewer";

/** Bytes a second on the slider; the last is as fast as it comes. */
const RATES = [250e3, 500e3, 1e6, 2e6, 5e6, 10e6, 20e6].map((bits): number | null => bits / 8).concat(null);

export class Meter {
  readonly element: HTMLElement;
  private readonly values = new Map<string, HTMLElement>();
  private readonly slider: HTMLInputElement;
  private readonly speed = make("output");

  /** throttle: called with bytes a second when the person moves the slider. */
  constructor(throttle: (bytesPerSecond: number | null) => void) {
    const list = make("dl");
    for (const name of ["Loaded", "Splats", "Quality", "Levels", "First picture"]) {
      const value = make("dd", {}, "–");
      this.values.set(name, value);
      list.append(make("dt", {}, name), value);
    }
    this.slider = make("input", { type: "range", min: "0", max: String(RATES.length - 1), step: "1", "aria-label": "Speed of the line" });
    this.slider.addEventListener("input", () => {
      const rate = RATES[Number(this.slider.value)];
      this.say(rate);
      throttle(rate);
    });
    this.element = make("section", { class: "meter", part: "meter", "aria-label": "Details", id: "meter" }, list,
      make("label", {}, make("span", {}, "Line"), this.slider, this.speed));
  }

  /** Shows a speed that was set elsewhere. */
  setRate(bytesPerSecond: number | null): void {
    const nearest = RATES.findIndex((rate) => rate === null || (bytesPerSecond !== null && rate >= bytesPerSecond));
    this.slider.value = String(bytesPerSecond === null ? RATES.length - 1 : nearest);
    this.say(bytesPerSecond);
  }

  show(report: Report): void {
    const { bytes, totalBytes, budgetBytes, splats, prefixDb, levels, levelsComplete, firstPicture } = report;
    const share = totalBytes ? ` of ${bytesText(totalBytes)} (${percent(bytes / totalBytes)})` : "";
    const budget = budgetBytes !== null && budgetBytes !== totalBytes ? `, budget ${bytesText(budgetBytes)}` : "";
    this.set("Loaded", bytesText(bytes) + share + budget);
    this.set("Splats", splats.toLocaleString("en"));
    this.set("Quality", prefixDb === null ? "–" : `${prefixDb.toFixed(1)} dB`);
    this.set("Levels", levels ? `${levelsComplete} of ${levels}` : "–");
    if (firstPicture) {
      this.set("First picture", `${(firstPicture.milliseconds / 1000).toFixed(2)} s, ${bytesText(firstPicture.bytes)}`);
    }
  }

  private set(name: string, text: string): void {
    const value = this.values.get(name);
    if (value && value.textContent !== text) value.textContent = text;
  }

  private say(rate: number | null): void {
    this.speed.textContent = rateText(rate);
    this.slider.setAttribute("aria-valuetext", rateText(rate));
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}
