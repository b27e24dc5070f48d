import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ConnectionNote } from "../../components/Connection";
import { Icon } from "../../components/Icon";
import { List, optionId } from "../../components/List";
import { Note } from "../../components/Note";
import { Dismiss, Failure, NeedsYou } from "../../components/NeedsYou";
import { t } from "../../strings";
import { fetchTranscript, transcript } from "./later";
import type { Popup } from "./state";

/** Between prompt and footer: a list while one is open, else what needs a decision, and the conversation. */
export function Middle({ popup }: { popup: Popup }): JSX.Element | null {
  const list = popup.list.value;
  const { picker } = popup;
  if (list && (picker.value !== undefined || list.id !== "recent")) {
    return (
      <div class="middle">
        {picker.value !== undefined && picker.value !== "background" && picker.value !== "attach" && (
          <Filter popup={popup} picker={picker.value} list={list.id} rows={list.rows.length} />
        )}
        {(picker.value === "background" || picker.value === "attach") && <BackgroundFocus popup={popup} />}
        <List list={list} selected={Math.min(popup.selected.value, list.rows.length - 1)} onSelect={(index) => (popup.selected.value = index)} />
      </div>
    );
  }
  if (popup.screen.value !== "chat") return <Failure link={popup.link} />;
  return (
    <>
      <ConnectionNote />
      <Failure link={popup.link} />
      <FirstNotice popup={popup} />
      <NeedsYou desk={popup} />
      {list ? (
        <div class="middle">
          <List list={list} selected={Math.min(popup.selected.value, list.rows.length - 1)} onSelect={(index) => (popup.selected.value = index)} />
        </div>
      ) : (
        <Conversation popup={popup} />
      )}
    </>
  );
}

const FILTERS = { sessions: "findSession", models: "findModel", gateways: "findGateway" } as const;

function Filter({ popup, picker, list, rows }: { popup: Popup; picker: keyof typeof FILTERS; list: string; rows: number }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const label = t()[FILTERS[picker]];
  // Before the next key can come: what is typed right after the shortcut belongs to this field.
  useLayoutEffect(() => field.current?.focus(), [picker]);
  return (
    <div class="find">
      <Icon name="search" />
      <input
        ref={field}
        class="filter"
        role="combobox"
        aria-label={label}
        aria-expanded={rows > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={rows > 0 ? optionId(list, Math.min(popup.selected.value, rows - 1)) : undefined}
        placeholder={label}
        value={popup.query.value}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => (popup.query.value = event.currentTarget.value)}
      />
    </div>
  );
}

/** A short list has nothing to filter: the prompt keeps the keys. */
function BackgroundFocus({ popup }: { popup: Popup }): null {
  useLayoutEffect(() => popup.focus(), [popup]);
  return null;
}

/** One notice at a time; the next comes when this one is dismissed. */
function FirstNotice({ popup }: { popup: Popup }): JSX.Element | null {
  const { notices, connection } = popup.link.model.parts;
  const notice = notices.value[0];
  // Something more pressing is already being said.
  if (!notice || popup.link.failure.value || !["ready", "connecting"].includes(connection.value.word)) return null;
  return (
    <Note
      icon="info"
      title={notice.sentence}
      action={<Dismiss onClick={() => void popup.link.ask({ type: "dismissNotice", id: notice.id })} />}
    >
      {notice.hint !== "" && <span class="text">{notice.hint}</span>}
    </Note>
  );
}

function Conversation({ popup }: { popup: Popup }): JSX.Element | null {
  const { model } = popup.link;
  const { order, session, hasOlder } = model.transcript.value;
  const shown = popup.shown.value;
  const outbox = model.parts.outbox.value.filter((queued) => queued.session === session && !order.includes(queued.id));
  const more = shown.length < order.length || (popup.earlier.value && hasOlder);
  const nothing = shown.length === 0 && outbox.length === 0;
  const Transcript = transcript.value;
  useEffect(() => {
    if (!nothing) void fetchTranscript();
  }, [nothing]);
  if (nothing || !Transcript) return null;
  return (
    <Transcript
      shown={shown}
      outbox={outbox}
      earlier={
        more
          ? () => {
              if (popup.earlier.value) void popup.link.ask({ type: "loadOlder", session: popup.link.read });
              popup.earlier.value = true;
            }
          : undefined
      }
      actions={{
        edit: (text) => popup.composer.write(text),
        editQueued: (id) => popup.editQueued(id),
        removeQueued: (id) => void popup.link.ask({ type: "cancelQueued", id }),
        retryQueued: (id) => void popup.link.ask({ type: "retryQueued", id }),
        whole: (message) => void popup.link.ask({ type: "wholeMessage", session: popup.link.read, message }),
        quote: (text) => popup.composer.quote(text),
        again: (answer) => {
          const at = order.indexOf(answer);
          const asked = order.slice(0, at).findLast((id) => model.cell(id)?.head.value.role === "user");
          const text = asked === undefined ? undefined : model.cell(asked)?.text.value;
          if (text !== undefined) void popup.link.ask({ type: "sendMessage", session: popup.link.read, text });
        },
      }}
    />
  );
}
