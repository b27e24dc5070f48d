import type { JSX } from "preact";
import { useComputed } from "@preact/signals";
import { useState } from "preact/hooks";
import { useModel } from "../state/session";
import type { MessageCell } from "../state/model";
import { locale, t } from "../strings";
import { channelName, clockTime, duration } from "../text/format";
import { Activity, Thinking } from "./Activity";
import { Attachments } from "./Attachments";
import { CopyButton, Keys } from "./bits";
import { Icon } from "./Icon";
import { Markdown } from "./Markdown";
import type { AttachmentView } from "../api/AttachmentView";
import type { CutView } from "../api/CutView";
import type { QueuedView } from "../api/QueuedView";

/** What can be done with a message, from the window it is shown in. */
export interface MessageActions {
  edit(text: string): void;
  editQueued(id: string, text: string): void;
  removeQueued(id: string): void;
  retryQueued(id: string): void;
  quote(text: string): void;
  again(answer: string): void;
  /** Reads a message in full that the gateway cut. */
  whole(message: string): void;
  /** Copies an address of the message, where messages have one. */
  link?(id: string): void;
  onGrow: () => void;
}

export function Message({
  cell,
  last,
  actions,
}: {
  cell: MessageCell;
  /** The newest answer: it carries its actions in sight. */
  last: boolean;
  actions: MessageActions;
}): JSX.Element {
  const role = cell.head.value.role;
  if (role === "user") return <UserMessage cell={cell} actions={actions} />;
  if (role === "system") return <SystemMessage cell={cell} actions={actions} />;
  return <AgentMessage cell={cell} last={last} actions={actions} />;
}

function SystemMessage({ cell, actions }: { cell: MessageCell; actions: MessageActions }): JSX.Element {
  return (
    <>
      <p class="system" dir="auto" id={`message-${cell.id}`}>
        {cell.text}
      </p>
      <CutNote cut={cell.head.value.cut} actions={actions} />
    </>
  );
}

/** What the gateway left out of a message: a note of ours, never the agent's words. */
function CutNote({ cut, actions }: { cut: CutView | undefined; actions: MessageActions }): JSX.Element | null {
  if (cut === undefined) return null;
  const words = t();
  return (
    <p class="ended">
      {cut.omitted ? words.omitted : words.shortened}{" "}
      {cut.message !== "" && (
        <button type="button" class="link-button" onClick={() => actions.whole(cut.message)}>
          {words.wholeText}
        </button>
      )}
    </p>
  );
}

function UserMessage({ cell, actions }: { cell: MessageCell; actions: MessageActions }): JSX.Element {
  const { state, attachments, via, atMs, error, id, cut } = cell.head.value;
  const words = t();
  const text = cell.text.value;
  const { outbox } = useModel().parts;
  const unsaved = useComputed(() => outbox.value.some((queued) => queued.id === id && queued.unsaved)).value;
  if (state === "queued" || state === "failed") {
    return (
      <Waiting id={id} text={text} attachments={attachments} failed={state === "failed"} unsaved={unsaved} error={error} actions={actions} />
    );
  }
  return (
    <>
      <div class="said" id={`message-${id}`}>
        <span class="said-text" dir="auto">{text}</span>
        <Attachments attachments={attachments} />
      </div>
      <CutNote cut={cut} actions={actions} />
      <div class="under">
        <button type="button" class="link-button quiet" onClick={() => actions.edit(text)} aria-label={words.editAgain}>
          {words.edit}
        </button>
        {actions.link && (
          <button type="button" class="link-button quiet" onClick={() => actions.link?.(id)}>
            {words.copyLink}
          </button>
        )}
        {state === "sending" && (
          <span class="under-word">
            <Icon name="clock" small />
            {words.sending}
          </span>
        )}
        {state === "steered" && <span class="under-word">{words.steered}</span>}
        {via !== undefined && via !== "" && (
          <span class="under-word">{words.via(channelName(via), clockTime(atMs, locale()))}</span>
        )}
      </div>
    </>
  );
}

/** A prompt that is not with the gateway yet, or that it did not take. */
function Waiting({
  id,
  text,
  attachments,
  failed,
  unsaved,
  error,
  actions,
}: {
  id: string;
  text: string;
  attachments: readonly AttachmentView[];
  failed: boolean;
  /** It is in the app's memory only. */
  unsaved: boolean;
  error: string | undefined;
  actions: MessageActions;
}): JSX.Element {
  const words = t();
  return (
    <>
      <div class={failed ? "waiting failed" : "waiting"} id={`message-${id}`}>
        <span class="said-text" dir="auto">{text}</span>
        <Attachments attachments={attachments} />
      </div>
      <div class="under shown">
        {failed ? (
          <span class="danger under-word">{error ?? words.notSent}</span>
        ) : (
          <span class="under-word">
            <Icon name="clock" small />
            {words.waitingToBeSent}
          </span>
        )}
        {unsaved && <span class="danger under-word">{words.notSaved}</span>}
        {failed && (
          <button type="button" class="link-button" onClick={() => actions.retryQueued(id)}>
            {words.tryAgain}
          </button>
        )}
        <button type="button" class="link-button" onClick={() => actions.editQueued(id, text)}>
          {words.edit}
        </button>
        <button type="button" class="link-button" onClick={() => actions.removeQueued(id)}>
          {words.remove}
        </button>
      </div>
    </>
  );
}

export function Queued({ queued, actions }: { queued: QueuedView; actions: MessageActions }): JSX.Element {
  return (
    <Waiting
      id={queued.id}
      text={queued.text}
      attachments={queued.attachments}
      failed={queued.state === "failed"}
      unsaved={queued.unsaved}
      error={queued.error}
      actions={actions}
    />
  );
}

function AgentMessage({ cell, last, actions }: { cell: MessageCell; last: boolean; actions: MessageActions }): JSX.Element {
  const model = useModel();
  const words = t();
  const { state, via, atMs, error, attachments, durationMs, cut } = cell.head.value;
  const streaming = state === "streaming";
  const [news] = useState(() => model.hear(cell.id));
  const run = model.run.value;
  // Whether there is text at all, not which: a delta draws nothing here.
  const hasText = useComputed(() => cell.text.value !== "").value;
  const thinkingSince = streaming && !hasText && run?.phase === "thinking" ? run.startedAtMs : undefined;
  const selectionOr = (): string => {
    const selection = getSelection();
    const inside = document.getElementById(`message-${cell.id}`);
    const chosen = selection && inside && selection.anchorNode && inside.contains(selection.anchorNode) ? String(selection) : "";
    return chosen.trim() === "" ? cell.text.peek() : chosen;
  };
  return (
    <article class="answer" id={`message-${cell.id}`} aria-busy={streaming}>
      <Thinking cell={cell} sinceMs={thinkingSince} />
      <Activity cell={cell} />
      <Markdown text={cell.text} streaming={streaming} news={news} onGrow={actions.onGrow} />
      <CutNote cut={cut} actions={actions} />
      <Attachments attachments={attachments} />
      {state === "stopped" && <p class="ended">{words.stopped}</p>}
      {state === "failed" && <p class="ended danger">{error ?? words.failed}</p>}
      {via !== undefined && via !== "" && <p class="ended">{words.via(channelName(via), clockTime(atMs, locale()))}</p>}
      {!streaming && (hasText || state === "failed") && (
        <div class={last ? "tools shown" : "tools"}>
          {hasText && (
            <CopyButton text={() => cell.text.peek()}>{last && <Keys keys={["Ctrl", "Shift", "C"]} />}</CopyButton>
          )}
          {hasText && (
            <button type="button" class="button plain medium" onPointerDown={(event) => event.preventDefault()} onClick={() => actions.quote(selectionOr())}>
              <Icon name="quote" small />
              {words.quote}
            </button>
          )}
          {actions.link && (
            <button type="button" class="button plain medium" onClick={() => actions.link?.(cell.id)}>
              <Icon name="link" small />
              {words.copyLink}
            </button>
          )}
          {last && (
            <button type="button" class="button plain medium" onClick={() => actions.again(cell.id)}>
              <Icon name="redo" small />
              {words.again}
            </button>
          )}
          <span class="grow" />
          {durationMs !== undefined && <span class="hint number">{duration(durationMs, locale())}</span>}
        </div>
      )}
    </article>
  );
}
