import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isComposing } from "../../components/ComposerField";
import { announcement } from "../../state/announce";
import { t } from "../../strings";
import { Palette } from "./Palette";
import { FILTERS } from "./rows";
import { Filters, SessionList } from "./SessionList";
import { Top } from "./Top";
import type { Asked, Browser } from "./state";

const IS_MAC = typeof navigator !== "undefined" && /Mac OS X/.test(navigator.userAgent);

/** Every conversation: the list, the one that is open, and what is to know about it. */
export function BrowserView({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => browser.start(), [browser]);
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (onKey(event, browser, root.current)) event.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [browser]);
  // The list is there a frame before what is in it.
  const { ready } = browser.link.model;
  const [sheet, setSheet] = useState<typeof import("./Sheet")>();
  useEffect(() => {
    if (!ready.value) return;
    const fetched = import("./Sheet");
    const frame = requestAnimationFrame(() => setTimeout(() => void fetched.then(setSheet)));
    return () => cancelAnimationFrame(frame);
  }, [ready.value]);
  // Nothing is drawn twice at the start: the app's answer is there within a blink.
  if (!ready.value) return <div class={frameClass(browser)} aria-busy="true" />;
  return (
    <div ref={root} class={frameClass(browser)}>
      <Top browser={browser} />
      {browser.drawer.value && <div class="drawer-shade" onClick={() => (browser.drawer.value = false)} />}
      <aside class="sessions" aria-label={words.sessions}>
        <Filters browser={browser} />
        <SessionList browser={browser} />
      </aside>
      <main class="sheet">
        {sheet && <sheet.Sheet browser={browser} />}
      </main>
      {browser.palette.value && <Palette browser={browser} />}
      {browser.asking.value !== undefined && <Confirmation browser={browser} asked={browser.asking.value} />}
      <div class="offscreen" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}

function frameClass(browser: Browser): string {
  const wide = browser.panels.tab.value !== "details";
  return ["frame", browser.panel.value ? "with-panel" : "", wide ? "wide-panel" : "", browser.drawer.value ? "with-drawer" : ""].filter(Boolean).join(" ");
}

function onKey(event: KeyboardEvent, browser: Browser, root: HTMLElement | null): boolean {
  if (isComposing(event)) return false;
  const command = IS_MAC ? event.metaKey : event.ctrlKey;
  if (event.key === "Escape") {
    if (browser.asking.value !== undefined) browser.asking.value = undefined;
    else if (browser.palette.value) browser.palette.value = false;
    else if (browser.menu.value) browser.menu.value = false;
    else if (browser.gatewayMenu.value) browser.gatewayMenu.value = false;
    else if (browser.listOptions.value) browser.listOptions.value = false;
    else if (browser.drawer.value) browser.drawer.value = false;
    else if (browser.renaming.value !== undefined) browser.renaming.value = undefined;
    else if (browser.panels.removingJob.value !== undefined) browser.panels.removingJob.value = undefined;
    else if (browser.panels.addingJob.value) browser.panels.addingJob.value = false;
    else if (browser.find.close()) browser.focus();
    else return false;
    return true;
  }
  if (event.key === "F2") {
    browser.beginRename();
    return true;
  }
  if (event.key === "F6") {
    nextRegion(root, event.shiftKey ? -1 : 1);
    return true;
  }
  if (event.key === "Enter" && event.target instanceof HTMLElement && event.target.matches(".prompt")) {
    const wanted = browser.link.model.parts.settings.value.sendKey === "ctrl-enter" ? command : !command;
    if (!wanted || event.shiftKey || event.altKey) return false;
    if (!event.repeat) void browser.composer.send();
    return true;
  }
  if (event.altKey && !command && !event.repeat && (event.code === "KeyA" || event.code === "KeyD")) {
    const decision = event.code === "KeyA" ? "allow-once" : "deny";
    const approval = browser.link.model.parts.approvals.value.find((waiting) => !waiting.resolving);
    const expired = approval?.expiresAtMs !== undefined && approval.expiresAtMs <= Date.now();
    if (!approval || expired || !approval.allowed.includes(decision)) return false;
    browser.decide(approval, decision);
    return true;
  }
  if (!command || event.altKey || event.shiftKey) return false;
  const filter = FILTERS[Number(event.key) - 1];
  if (filter !== undefined) {
    browser.select({ filter });
    return true;
  }
  switch (event.key.toLowerCase()) {
    case "k":
      browser.search("");
      browser.palette.value = !browser.palette.value;
      return true;
    case "f":
      if (browser.find.open.value) document.querySelector<HTMLInputElement>(".find-bar input")?.select();
      browser.find.start();
      return true;
    case "g":
      browser.gatewayMenu.value = !browser.gatewayMenu.value;
      return true;
    case "n":
      browser.newSession();
      return true;
    case "p":
      browser.pin();
      return true;
    case "i":
      browser.panel.value = !browser.panel.value;
      return true;
    case ".":
      if (browser.link.model.run.value) {
        void browser.link.ask({ type: "stop", session: browser.link.here });
      }
      return true;
    default:
      return false;
  }
}

/** List, conversation, reply, details, and around. */
function nextRegion(root: HTMLElement | null, step: 1 | -1): void {
  const regions = ["#session-list", ".talk", ".prompt", '.side [role="tab"][aria-selected="true"]'].flatMap((selector) => root?.querySelector<HTMLElement>(selector) ?? []);
  const at = regions.findIndex((region) => region === document.activeElement || region.contains(document.activeElement));
  regions[(at + step + regions.length) % regions.length]?.focus();
}

/** What cannot be taken back is asked once, with what is lost. */
function Confirmation({ browser, asked: { what, title: session } }: { browser: Browser; asked: Asked }): JSX.Element {
  const words = t();
  const cancel = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => cancel.current?.focus(), []);
  const title = what === "delete" ? words.deleteTitle : words.resetTitle;
  return (
    <div class="over">
      <div class="card confirmation" role="alertdialog" aria-modal="true" aria-labelledby="confirm-title" aria-describedby="confirm-sentence">
        <h3 id="confirm-title">{title}</h3>
        <p id="confirm-sentence">{what === "delete" ? words.deleteSentence(session) : words.resetSentence(session)}</p>
        <div class="actions">
          <span class="grow" />
          <button type="button" class="button" ref={cancel} onClick={() => (browser.asking.value = undefined)}>
            {words.cancel}
          </button>
          <button type="button" class="button destroy" onClick={() => browser.confirm()}>
            {what === "delete" ? words.confirmDelete : words.confirmReset}
          </button>
        </div>
      </div>
    </div>
  );
}
