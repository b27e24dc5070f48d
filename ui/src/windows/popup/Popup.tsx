import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { AttachmentChips, ComposerField } from "../../components/ComposerField";
import { Avatar } from "../../components/bits";
import { Certificate, KeychainClosed, Pairing, SignIn } from "../../components/Connection";
import { FirstRun } from "../../components/FirstRun";
import { Icon, Mark } from "../../components/Icon";
import { optionId } from "../../components/List";
import { announcement } from "../../state/announce";
import { t } from "../../strings";
import { modelName } from "../../text/format";
import { Footer } from "./Footer";
import { onKey } from "./keys";
import { Middle } from "./Middle";
import type { Picker, Popup } from "./state";

/** The quick chat: the prompt on top, what it brings below it, the state at the bottom. */
export function PopupView({ popup }: { popup: Popup }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const words = t();
  const screen = popup.screen.value;

  useEffect(() => {
    popup.chooseFiles = () => files.current?.click();
    return popup.start();
  }, [popup]);

  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (onKey(event, popup)) event.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [popup]);

  useLayoutEffect(() => {
    const box = root.current;
    if (!box || typeof ResizeObserver === "undefined") return;
    let last = 0;
    const observer = new ResizeObserver(() => {
      const height = Math.ceil(box.getBoundingClientRect().height);
      if (height === last || height === 0) return;
      last = height;
      popup.link.tell({ type: "fitPopup", height });
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, [popup]);

  const drag = (event: DragEvent): void => {
    if (screen !== "chat" || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    popup.dropping.value = event.type === "dragover";
    if (event.type === "drop") void popup.composer.attach([...event.dataTransfer.files]);
  };

  return (
    <div
      ref={root}
      class={popup.dropping.value ? "popup dropping" : "popup"}
      role="dialog"
      aria-label={words.popupLabel}
      onDragOver={drag}
      onDragLeave={drag}
      onDrop={drag}
    >
      {screen === "chat" || screen === "loading" ? <Head popup={popup} /> : <Blocked popup={popup} />}
      <Middle popup={popup} />
      <Footer popup={popup} />
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-hidden="true"
        tabIndex={-1}
        onChange={(event) => {
          void popup.composer.attach([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
      {popup.dropping.value && <div class="drop">{words.dropHere}</div>}
      <div class="offscreen" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}

function Blocked({ popup }: { popup: Popup }): JSX.Element | null {
  if (popup.picker.value === "gateways") return null;
  switch (popup.screen.value) {
    case "first-run":
      return <FirstRun />;
    case "pairing":
      return <Pairing />;
    case "sign-in":
      return <SignIn />;
    case "keychain":
      return <KeychainClosed />;
    case "certificate":
      return <Certificate />;
    case "chat":
    case "loading":
      return null;
  }
}

function placeholder(popup: Popup): string {
  const words = t();
  const { connection, approvals } = popup.link.model.parts;
  if (popup.screen.value === "loading") return words.askAnything;
  if (connection.value.word !== "ready" && connection.value.word !== "connecting") return words.writeForLater;
  if (approvals.value.length > 0 && popup.agent !== "") return words.replyTo(popup.agent);
  return popup.shown.value.length > 0 ? words.askFollowUp : words.askAnything;
}

function Head({ popup }: { popup: Popup }): JSX.Element {
  const list = popup.list.value;
  const fromPrompt = popup.picker.value === undefined ? list : undefined;
  const selected = Math.min(popup.selected.value, (list?.rows.length ?? 1) - 1);
  return (
    <>
      <div class="ask">
        <Mark />
        <div class="grow">
          <ComposerField
            composer={popup.composer}
            placeholder={placeholder(popup)}
            controls={fromPrompt && fromPrompt.rows.length > 0 ? fromPrompt.id : undefined}
            activeDescendant={fromPrompt && fromPrompt.rows.length > 0 ? optionId(fromPrompt.id, selected) : undefined}
            autoFocus
          />
          <AttachmentChips composer={popup.composer} onChoose={() => popup.chooseFiles()} />
        </div>
        <SendOrStop popup={popup} />
      </div>
      <Chips popup={popup} />
    </>
  );
}

function SendOrStop({ popup }: { popup: Popup }): JSX.Element {
  const words = t();
  const list = popup.list.value;
  // While a list is open Enter chooses from it, and the button is not what is meant.
  const ready = popup.composer.canSend.value && (list === undefined || list.id === "recent" || list.rows.length === 0);
  if (popup.canStop && !ready) {
    return (
      <button type="button" class="go stop" aria-label={words.stopRun} title={words.stopRun} onClick={() => popup.stop()}>
        <Icon name="stop" />
      </button>
    );
  }
  return (
    <button
      type="button"
      class={ready ? "go ready" : "go"}
      aria-label={words.send}
      title={words.send}
      disabled={!ready}
      onClick={() => void popup.send()}
    >
      <Icon name="up" />
    </button>
  );
}

function Chips({ popup }: { popup: Popup }): JSX.Element {
  const words = t();
  const { target, connection, settings } = popup.link.model.parts;
  const { agent } = popup;
  const { title, model, thinking } = target.value;
  const session = title === "" ? words.newSession : title;
  const { native, sessions, attachments } = connection.value.capabilities;
  const pinned = settings.value.popupPinned;
  const chip = (picker: Picker, label: string, children: JSX.Element): JSX.Element => (
    <button
      type="button"
      class="chip"
      aria-haspopup="listbox"
      aria-expanded={popup.picker.value === picker}
      aria-label={label}
      onClick={() => popup.open(picker)}
    >
      {children}
      <Icon name="chevron-down" class="chevron" />
    </button>
  );
  const known = popup.models.value.find((item) => item.id === model)?.name;
  const shownModel = model === undefined || model === "" ? words.defaultModel : known || modelName(model);
  return (
    <div class="chips">
      {agent !== "" &&
        chip(
          "sessions",
          words.sendTo(agent, session),
          <>
            <Avatar agent={target.value.agent} name={agent} size="small" />
            <b class="clip">{agent}</b>
            {(sessions || native) && (
              <>
                <span class="separator">›</span>
                <span class="clip">{session}</span>
              </>
            )}
          </>,
        )}
      {native &&
        chip(
          "models",
          words.modelIs(shownModel),
          <>
            <Icon name="cube" />
            <span class="clip">{shownModel}</span>
            {thinking !== undefined && thinking !== "" && <span class="separator">{thinking}</span>}
          </>,
        )}
      <span class="grow" />
      {attachments && (
        <button
          type="button"
          class={popup.picker.value === "attach" ? "icon-button on" : "icon-button"}
          aria-label={words.attachMenu}
          title={words.attachMenu}
          aria-haspopup="listbox"
          aria-expanded={popup.picker.value === "attach"}
          onClick={() => popup.attach()}
        >
          <Icon name="plus" />
        </button>
      )}
      <button
        type="button"
        class={pinned ? "icon-button on" : "icon-button"}
        aria-label={words.keepOpen}
        title={words.keepOpen}
        aria-pressed={pinned}
        onClick={() => popup.togglePin()}
      >
        <Icon name="pin" />
      </button>
    </div>
  );
}

