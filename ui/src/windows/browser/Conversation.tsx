import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Attach } from "../../components/Attach";
import { Keys } from "../../components/bits";
import { AttachmentChips, ComposerField, isComposing } from "../../components/ComposerField";
import { ConnectionNote } from "../../components/Connection";
import { Icon } from "../../components/Icon";
import { Failure, NeedsYou } from "../../components/NeedsYou";
import { Transcript } from "../../components/Transcript";
import { t } from "../../strings";
import { modelName } from "../../text/format";
import { Button } from "./Button";
import { keepMarked } from "./find";
import type { Browser } from "./state";

/** The session that is open, and what is written to it. */
export function Conversation({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { model } = browser.link;
  const { order, session } = model.transcript.value;
  const { excerpt } = browser;
  const files = useRef<HTMLInputElement>(null);
  const shown = excerpt.shown.value;
  const atEnd = !excerpt.hasLater.value;
  const outbox = model.parts.outbox.value.filter((queued) => queued.session === session && !order.includes(queued.id));
  return (
    <section class="conversation" aria-label={words.conversation}>
      <Head browser={browser} />
      {browser.find.open.value && <FindBar browser={browser} />}
      <ConnectionNote />
      <Failure link={browser.link} />
      {!(browser.panel.value && browser.panels.tab.value === "inbox") && <NeedsYou desk={browser} />}
      {shown.length === 0 && outbox.length === 0 ? (
        <p class="pick">{words.pickSession}</p>
      ) : (
        <Transcript
          key={session}
          shown={shown}
          outbox={atEnd ? outbox : []}
          whole
          earlier={excerpt.hasEarlier.value ? () => excerpt.earlier() : undefined}
          later={atEnd ? undefined : () => excerpt.later()}
          newest={atEnd ? undefined : () => excerpt.newest()}
          actions={{
            edit: (text) => browser.composer.write(text),
            editQueued: (id) => {
              void browser.link.ask({ type: "cancelQueued", id });
              browser.focus();
            },
            removeQueued: (id) => void browser.link.ask({ type: "cancelQueued", id }),
            retryQueued: (id) => void browser.link.ask({ type: "retryQueued", id }),
            whole: (message) => void browser.link.ask({ type: "wholeMessage", session: browser.link.read, message }),
            link: (id) => browser.copyLink(id),
            quote: (text) => browser.composer.quote(text),
            again: (answer) => {
              const asked = order.slice(0, order.indexOf(answer)).findLast((id) => model.cell(id)?.head.value.role === "user");
              const text = asked === undefined ? undefined : model.cell(asked)?.text.value;
              if (text !== undefined) void browser.link.ask({ type: "sendMessage", session: browser.link.read, text });
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
            <Attach composer={browser.composer} onChoose={() => files.current?.click()} />
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
          onClick={() => void browser.link.ask({ type: "stop", session: browser.link.here })}
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
        {browser.renaming.value !== undefined ? (
          <input
            class="field"
            aria-label={words.sessionName}
            defaultValue={title}
            ref={(field) => field?.select()}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !isComposing(event)) browser.rename(event.currentTarget.value);
            }}
            onBlur={() => (browser.renaming.value = undefined)}
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
      <div class="head-actions">
        <Button icon="search" label={words.findHere} on={browser.find.open.value} onClick={() => (browser.find.open.value ? browser.find.close() : browser.find.start())} />
      </div>
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
    [words.rename, () => browser.beginRename()],
    [words.fork, () => browser.fork()],
    [words.exportMarkdown, () => browser.export("markdown")],
    [words.exportJson, () => browser.export("json")],
    [archived ? words.unarchive : words.archive, () => browser.archive()],
    [words.reset, () => browser.ask("reset")],
    [words.deleteSession, () => browser.ask("delete"), true],
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

/** Words in this session: how many, and from one to the next. */
function FindBar({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { find } = browser;
  const field = useRef<HTMLInputElement>(null);
  const query = find.query.value;
  const hits = find.hits.value;
  const at = find.at.value;
  useLayoutEffect(() => field.current?.focus(), []);
  useLayoutEffect(() => keepMarked(field.current?.closest(".conversation"), ".talk-column", query), [query]);
  const said = query.trim() === "" ? "" : hits.length === 0 ? words.findNothing : words.findCount(at + 1, hits.length);
  return (
    <div class="find-bar" role="search" aria-label={words.findHere}>
      <Icon name="search" small />
      <input
        ref={field}
        aria-label={words.findHere}
        placeholder={words.findHere}
        spellcheck={false}
        autocomplete="off"
        value={query}
        onInput={(event) => find.look(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || isComposing(event)) return;
          event.preventDefault();
          find.step(event.shiftKey ? 1 : -1);
        }}
      />
      <span class="dim number" role="status">
        {said}
      </span>
      <Button icon="up" label={words.findOlder} onClick={() => find.step(-1)} />
      <Button icon="down" label={words.findNewer} onClick={() => find.step(1)} />
      <Button
        icon="x"
        label={words.hintClose}
        onClick={() => {
          find.close();
          browser.focus();
        }}
      />
    </div>
  );
}
