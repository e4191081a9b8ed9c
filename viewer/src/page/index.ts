/** Defines <sfumato-view>; public.ts says what pages see of it. */

import { SfumatoView } from "./element";

if (typeof customElements !== "undefined" && !customElements.get("sfumato-view")) {
  customElements.define("sfumato-view", SfumatoView);
}

export { SfumatoView };
