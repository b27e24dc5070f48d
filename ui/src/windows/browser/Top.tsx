import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Keys, StateDot } from "../../components/bits";
import { Icon } from "../../components/Icon";
import { t } from "../../strings";
import { connectionWord } from "../../text/connection";
import { Button } from "./Button";
import type { Browser } from "./state";

/** The gateway, the search, and what is beside the conversation. */
export function Top({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { word, gateway } = browser.link.model.parts.connection.value;
  return (
    <header class="top">
      <div class="top-start">
        <span class="drawer-button">
          <Button icon="menu" label={words.sessions} on={browser.drawer.value} onClick={() => (browser.drawer.value = !browser.drawer.value)} />
        </span>
        <Gateways browser={browser} />
        <span class="offscreen" role="status">
          {gateway} {connectionWord(word, words)}
        </span>
        <span class="grow" />
        <Button icon="compose" label={words.newSession} onClick={() => browser.newSession()} />
      </div>
      <button
        type="button"
        class="find-all"
        onClick={() => {
          browser.search("");
          browser.palette.value = true;
        }}
      >
        <Icon name="search" small />
        <span class="grow clip">{words.searchAll}</span>
        <Keys keys={["Ctrl", "K"]} />
      </button>
      <div class="top-end">
        <Button icon="gear" label={words.openSettings} onClick={() => void browser.link.ask({ type: "showWindow", window: "settings" })} />
        <Button icon="panel" label={words.sessionDetails} on={browser.panel.value} onClick={() => (browser.panel.value = !browser.panel.value)} />
      </div>
    </header>
  );
}

/** Which gateway is shown, and the others. */
function Gateways({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { connection, gateways } = browser.link.model.parts;
  const { word, gateway } = connection.value;
  const open = browser.gatewayMenu.value;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!open) return;
    (box.current?.querySelector<HTMLElement>('[aria-checked="true"]') ?? box.current?.querySelector<HTMLElement>('[role="menuitemradio"]'))?.focus();
    const away = (event: PointerEvent): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) browser.gatewayMenu.value = false;
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  return (
    <div class="more gateway-box" ref={box}>
      <button
        type="button"
        class="gateway"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={words.switchGateway(gateway, connectionWord(word, words))}
        onClick={() => (browser.gatewayMenu.value = !open)}
      >
        <StateDot word={word} />
        <span class="clip">{gateway}</span>
        {word !== "ready" && <span class="dim clip">{connectionWord(word, words)}</span>}
        <Icon name="chevron-down" small class="chevron" />
      </button>
      {open && (
        <div
          class="menu start"
          role="menu"
          aria-label={words.gateways}
          onKeyDown={(event) => {
            const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role^="menuitem"]')];
            const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (step === 0) return;
            event.preventDefault();
            all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus();
          }}
        >
          {gateways.value.map((each) => (
            <button key={each.id} type="button" role="menuitemradio" aria-checked={each.active} class="menu-line" onClick={() => browser.useGateway(each.id)}>
              <StateDot word={each.connection.word} />
              <span class="grow clip">{each.name}</span>
              {each.needsYou > 0 ? (
                <span class="badge">{words.needsYouCount(each.needsYou)}</span>
              ) : each.unread > 0 ? (
                <span class="dim">{words.unreadCount(each.unread)}</span>
              ) : (
                each.connection.word !== "ready" && <span class="dim">{connectionWord(each.connection.word, words)}</span>
              )}
              {each.active && <Icon name="check" small />}
            </button>
          ))}
          <button
            type="button"
            role="menuitem"
            class="menu-line"
            onClick={() => {
              browser.gatewayMenu.value = false;
              void browser.link.ask({ type: "showWindow", window: "settings" });
            }}
          >
            <Icon name="plus" small />
            {words.addOther}
          </button>
        </div>
      )}
    </div>
  );
}
