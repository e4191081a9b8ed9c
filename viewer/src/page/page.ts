/** The viewer's own page: what its address says goes to the element. */

const PASSED = ["src", "budget", "rate", "background", "poster", "camera", "controls", "label", "drive"] as const;

const query = new URLSearchParams(location.search);
const view = document.querySelector("sfumato-view")!;
for (const name of PASSED) {
  const value = query.get(name);
  if (value !== null) view.setAttribute(name, value);
}

// On a small screen the numbers would hide the picture.
if (!query.has("controls") && Math.min(innerWidth, innerHeight) >= 480) view.setAttribute("controls", "full");

const source = query.get("src");
const name = source?.split(/[?#]/)[0].split("/").pop();
if (name) document.title = `${plain(name)} – Sfumato`;
document.querySelector("#hint")!.toggleAttribute("hidden", source !== null);

function plain(quoted: string): string {
  try {
    return decodeURIComponent(quoted);
  } catch {
    return quoted;
  }
}

export {};
