/** Defines <sfumato-view>. */

import { SfumatoView } from "./element";

if (!customElements.get("sfumato-view")) customElements.define("sfumato-view", SfumatoView);

export { SfumatoView };
export type { Report } from "./viewer";
