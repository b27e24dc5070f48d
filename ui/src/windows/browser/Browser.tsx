import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Keys, StateDot } from "../../components/bits";
import { AttachmentChips, ComposerField, isComposing } from "../../components/ComposerField";
import { ConnectionNote } from "../../components/Connection";
import { Icon, type IconName } from "../../components/Icon";
import { Failure, NeedsYou } from "../../components/NeedsYou";
import { Transcript } from "../../components/Transcript";
import { announcement } from "../../state/announce";
import { locale, t } from "../../strings";
import { connectionWord } from "../../text/connection";
import { channelName, modelName, shortTime, tokens } from "../../text/format";
import { Palette } from "./Palette";
import { Filters, SessionList } from "./SessionList";
import { type Browser, FILTERS } from "./state";

const IS_MAC = typeof navigator !== "undefined" && /Mac OS X/.test(navigator.userAgent);
/** How many messages are in the page at first, and how many more come with each step back. */
const PAGE = 100;

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
  return (
    <div ref={root} class={browser.panel.value ? "frame with-panel" : "frame"}>
      <Top browser={browser} />
      <aside class="sessions" aria-label={words.sessions}>
        <Filters browser={browser} />
        <SessionList browser={browser} />
      </aside>
      <main class="sheet">
        <Conversation browser={browser} />
        {browser.panel.value && <Panel browser={browser} />}
      </main>
      {browser.palette.value && <Palette browser={browser} />}
      {browser.asking.value !== undefined && <Confirmation browser={browser} what={browser.asking.value} />}
      <div class="offscreen" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}

function onKey(event: KeyboardEvent, browser: Browser, root: HTMLElement | null): boolean {
  if (isComposing(event)) return false;
  const command = IS_MAC ? event.metaKey : event.ctrlKey;
  if (event.key === "Escape") {
    if (browser.asking.value !== undefined) browser.asking.value = undefined;
    else if (browser.palette.value) browser.palette.value = false;
    else if (browser.menu.value) browser.menu.value = false;
    else if (browser.renaming.value) browser.renaming.value = false;
    else return false;
    return true;
  }
  if (event.key === "F2") {
    browser.renaming.value = browser.current.value !== undefined;
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
    browser.decide(approval.id, decision);
    return true;
  }
  if (!command || event.altKey || event.shiftKey) return false;
  const filter = FILTERS[Number(event.key) - 1];
  if (filter !== undefined) {
    browser.filter.value = filter;
    return true;
  }
  switch (event.key.toLowerCase()) {
    case "k":
      browser.search("");
      browser.palette.value = !browser.palette.value;
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
        void browser.link.ask({ type: "stop", session: browser.link.model.parts.target.value.session });
      }
      return true;
    default:
      return false;
  }
}

/** List, conversation, reply, details, and around. */
function nextRegion(root: HTMLElement | null, step: 1 | -1): void {
  const regions = ["#session-list", ".talk", ".prompt", ".side button"].flatMap((selector) => root?.querySelector<HTMLElement>(selector) ?? []);
  const at = regions.findIndex((region) => region === document.activeElement || region.contains(document.activeElement));
  regions[(at + step + regions.length) % regions.length]?.focus();
}

function Button({ icon, label, onClick, on }: { icon: IconName; label: string; onClick: () => void; on?: boolean }): JSX.Element {
  return (
    <button type="button" class={on ? "icon-button on" : "icon-button"} aria-label={label} title={label} aria-pressed={on} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

function Top({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { word, gateway } = browser.link.model.parts.connection.value;
  return (
    <header class="top">
      <div class="top-start">
        <span class="gateway" role="status">
          <StateDot word={word} />
          <span class="clip">{gateway}</span>
          {word !== "ready" && <span class="dim clip">{connectionWord(word, words)}</span>}
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
        <span class="grow">{words.searchAll}</span>
        <Keys keys={["Ctrl", "K"]} />
      </button>
      <div class="top-end">
        <Button icon="gear" label={words.openSettings} onClick={() => void browser.link.ask({ type: "showWindow", window: "settings" })} />
        <Button icon="panel" label={words.sessionDetails} on={browser.panel.value} onClick={() => (browser.panel.value = !browser.panel.value)} />
      </div>
    </header>
  );
}

function Conversation({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { model } = browser.link;
  const { order, session, hasOlder } = model.transcript.value;
  const [limit, setLimit] = useState(PAGE);
  const files = useRef<HTMLInputElement>(null);
  useEffect(() => setLimit(PAGE), [session]);
  const shown = order.slice(-limit);
  const outbox = model.parts.outbox.value.filter((queued) => queued.session === session && !order.includes(queued.id));
  return (
    <section class="conversation" aria-label={words.conversation}>
      <Head browser={browser} />
      <ConnectionNote />
      <Failure link={browser.link} />
      <NeedsYou desk={browser} />
      {shown.length === 0 && outbox.length === 0 ? (
        <p class="pick">{words.pickSession}</p>
      ) : (
        <Transcript
          key={session}
          shown={shown}
          outbox={outbox}
          whole
          earlier={
            order.length > limit || hasOlder
              ? () => {
                  if (order.length <= limit) void browser.link.ask({ type: "loadOlder", session });
                  setLimit(limit + PAGE);
                }
              : undefined
          }
          actions={{
            edit: (text) => browser.composer.write(text),
            editQueued: (id, text) => {
              void browser.link.ask({ type: "cancelQueued", id });
              browser.composer.write(text);
            },
            removeQueued: (id) => void browser.link.ask({ type: "cancelQueued", id }),
            retryQueued: (id) => void browser.link.ask({ type: "retryQueued", id }),
            quote: (text) => browser.composer.quote(text),
            again: (answer) => {
              const asked = order.slice(0, order.indexOf(answer)).findLast((id) => model.cell(id)?.head.value.role === "user");
              const text = asked === undefined ? undefined : model.cell(asked)?.text.value;
              if (text !== undefined) void browser.link.ask({ type: "sendMessage", session, text });
            },
          }}
        />
      )}
      <div
        class="reply"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void browser.composer.attach([...(event.dataTransfer?.files ?? [])]);
        }}
      >
        <ComposerField composer={browser.composer} placeholder={browser.agent === "" ? words.askAnything : words.replyTo(browser.agent)} autoFocus />
        <AttachmentChips composer={browser.composer} onChoose={() => files.current?.click()} />
        <div class="reply-line">
          {model.parts.connection.value.capabilities.attachments && (
            <Button icon="plus" label={words.attach} onClick={() => files.current?.click()} />
          )}
          <span class="grow" />
          <SendOrStop browser={browser} />
        </div>
        <input
          ref={files}
          type="file"
          multiple
          hidden
          aria-hidden="true"
          tabIndex={-1}
          onChange={(event) => {
            void browser.composer.attach([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      </div>
    </section>
  );
}

function SendOrStop({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { run, parts } = browser.link.model;
  const ready = browser.composer.canSend.value;
  if (run.value && parts.connection.value.capabilities.abort && !ready) {
    return (
      <>
        <span class="hint">
          {words.hintStop} <Keys keys={["Ctrl", "."]} />
        </span>
        <button
          type="button"
          class="go stop"
          aria-label={words.stopRun}
          onClick={() => void browser.link.ask({ type: "stop", session: parts.target.value.session })}
        >
          <Icon name="stop" />
        </button>
      </>
    );
  }
  return (
    <>
      <span class="hint">
        {words.send} <Keys keys={parts.settings.value.sendKey === "ctrl-enter" ? ["Ctrl", "Enter"] : ["Enter"]} />
      </span>
      <button type="button" class={ready ? "go ready" : "go"} aria-label={words.send} disabled={!ready} onClick={() => void browser.composer.send()}>
        <Icon name="up" />
      </button>
    </>
  );
}

function Head({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const session = browser.current.value;
  const { target, connection } = browser.link.model.parts;
  const { model, thinking } = target.value;
  const title = session?.title ?? (target.value.title || words.newSession);
  const manage = session !== undefined && connection.value.capabilities.manageSessions;
  return (
    <header class="head">
      <div class="grow">
        {browser.renaming.value ? (
          <input
            class="field"
            aria-label={words.sessionName}
            defaultValue={title}
            ref={(field) => field?.select()}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !isComposing(event)) browser.rename(event.currentTarget.value);
            }}
            onBlur={() => (browser.renaming.value = false)}
          />
        ) : (
          <h1 class="clip">{title}</h1>
        )}
      </div>
      {model !== undefined && model !== "" && (
        <span class="chip">
          <Icon name="cube" />
          {modelName(model)}
          {thinking !== undefined && thinking !== "" && <span class="separator">{thinking}</span>}
        </span>
      )}
      {manage && (
        <div class="head-actions">
          <Button icon="pin" label={session.pinned ? words.unpinSession : words.pinSession} on={session.pinned} onClick={() => browser.pin()} />
          <Button icon="mute" label={session.muted ? words.unmuteSession : words.muteSession} on={session.muted} onClick={() => browser.mute()} />
          <More browser={browser} />
        </div>
      )}
    </header>
  );
}

function More({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const open = browser.menu.value;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
    const away = (event: PointerEvent): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) browser.menu.value = false;
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  const archived = browser.current.value?.archived === true;
  const items: [string, () => void, boolean?][] = [
    [words.rename, () => (browser.renaming.value = true)],
    [words.fork, () => browser.fork()],
    [words.exportMarkdown, () => browser.export("markdown")],
    [words.exportJson, () => browser.export("json")],
    [archived ? words.unarchive : words.archive, () => browser.archive()],
    [words.reset, () => (browser.asking.value = "reset")],
    [words.deleteSession, () => (browser.asking.value = "delete"), true],
  ];
  return (
    <div class="more" ref={box}>
      <button
        type="button"
        class="icon-button"
        aria-label={words.moreActions}
        title={words.moreActions}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => (browser.menu.value = !open)}
      >
        <Icon name="more" />
      </button>
      {open && (
        <div
          class="menu"
          role="menu"
          aria-label={words.moreActions}
          onKeyDown={(event) => {
            const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="menuitem"]')];
            const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (step === 0) return;
            event.preventDefault();
            const at = all.indexOf(document.activeElement as HTMLElement);
            all[(at + step + all.length) % all.length]?.focus();
          }}
        >
          {items.map(([label, run, dangerous]) => (
            <button
              key={label}
              type="button"
              role="menuitem"
              class={dangerous ? "danger" : ""}
              onClick={() => {
                browser.menu.value = false;
                run();
              }}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function Panel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const session = browser.current.value;
  const { target, connection } = browser.link.model.parts;
  const used = session?.tokens ?? 0;
  const whole = session?.contextTokens ?? 0;
  const share = whole > 0 ? Math.min(1, used / whole) : 0;
  const percent = new Intl.NumberFormat(locale(), { style: "percent" }).format(share);
  const facts: [string, string][] = [[words.agentWord, browser.agent]];
  if (session) facts.push([words.channelWord, session.channel === "" ? words.thisApp : channelName(session.channel)]);
  const model = target.value.model ?? session?.model;
  if (model) facts.push([words.modelWord, modelName(model)]);
  if (session?.costUsd !== undefined) {
    facts.push([words.costWord, new Intl.NumberFormat(locale(), { style: "currency", currency: "USD" }).format(session.costUsd)]);
  }
  if (session) facts.push([words.updatedWord, shortTime(session.updatedAtMs, Date.now(), locale(), words)]);
  return (
    <section class="side" aria-label={words.sessionDetails}>
      {whole > 0 && (
        <div>
          <h2>{words.context}</h2>
          <p class="big number">
            {percent}
            <small>{words.contextOf(tokens(used, locale()), tokens(whole, locale()))}</small>
          </p>
          <div class={share >= 0.8 ? "meter high" : "meter"} role="img" aria-label={words.contextPercent(percent)}>
            <i style={{ width: `${share * 100}%` }} />
          </div>
          {connection.value.capabilities.manageSessions && (
            <button type="button" class="button medium" onClick={() => browser.compact()}>
              {words.compactNow}
            </button>
          )}
        </div>
      )}
      <dl>
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="number clip">{value}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

/** What cannot be taken back is asked once, with what is lost. */
function Confirmation({ browser, what }: { browser: Browser; what: "reset" | "delete" }): JSX.Element {
  const words = t();
  const cancel = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => cancel.current?.focus(), []);
  const title = what === "delete" ? words.deleteTitle : words.resetTitle;
  return (
    <div class="over">
      <div class="card confirmation" role="alertdialog" aria-modal="true" aria-labelledby="confirm-title" aria-describedby="confirm-sentence">
        <h3 id="confirm-title">{title}</h3>
        <p id="confirm-sentence">{what === "delete" ? words.deleteSentence(browser.current.value?.title ?? "") : words.resetSentence}</p>
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

