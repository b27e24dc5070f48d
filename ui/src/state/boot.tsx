import { effect } from "@preact/signals";
import { type ComponentChild, render } from "preact";
import { IconSprite } from "../components/Icon";
import { findHost, type WindowName } from "../host";
import { useLanguage } from "../strings";
import { Link, LinkProvider } from "./session";

/** Puts families in front of the names that stand for them. */
function nameFonts(style: CSSStyleDeclaration, fonts: { ui?: string | null; mono?: string | null }): void {
  for (const [property, family, names] of [
    ["--font-ui", fonts.ui, "system-ui, sans-serif"],
    ["--font-mono", fonts.mono, "monospace"],
  ] as const) {
    if (family) style.setProperty(property, `${CSS.escape(family)}, ${names}`);
  }
}

/** Starts a window: finds the host, subscribes, follows theme and language, draws. */
export async function boot(name: WindowName, draw: (link: Link) => ComponentChild): Promise<void> {
  const host = await findHost();
  const link = new Link(host, name);
  const root = document.documentElement;
  root.dataset["platform"] = host.surroundings.platform;
  root.dataset["corners"] = host.surroundings.compositor ? "round" : "square";
  root.dataset["framed"] = String(host.surroundings.framed);
  nameFonts(root.style, host.surroundings.fonts ?? {});
  const { settings } = link.model.parts;
  effect(() => {
    const { theme } = settings.value;
    // A test or a design page may force a theme by its address.
    const forced = new URLSearchParams(location.search).get("theme");
    const chosen = forced ?? theme;
    if (chosen === "light" || chosen === "dark") root.dataset["theme"] = chosen;
    else delete root.dataset["theme"];
  });
  const { language } = host.surroundings;
  const spoken = language ? [language] : navigator.languages;
  effect(() => {
    void useLanguage(settings.value.language, spoken);
  });
  // Files and links dropped beside a target must not take the window to another page.
  for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
  const place = document.getElementById("app");
  if (!place) throw new Error("no place to draw");
  render(
    <LinkProvider value={link}>
      <IconSprite />
      {draw(link)}
    </LinkProvider>,
    place,
  );
  link.open();
}
