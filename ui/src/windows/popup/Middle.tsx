import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Approval } from "../../components/Approval";
import { ConnectionNote } from "../../components/Connection";
import { Icon } from "../../components/Icon";
import { List, optionId } from "../../components/List";
import { Note } from "../../components/Note";
import { Question } from "../../components/Question";
import { Transcript } from "../../components/Transcript";
import { announce } from "../../state/announce";
import { agentName } from "../../state/lists";
import { t } from "../../strings";
import type { Picker, Popup } from "./state";

/** Between prompt and footer: a list while one is open, else what needs a decision, and the conversation. */
export function Middle({ popup }: { popup: Popup }): JSX.Element | null {
  const list = popup.list.value;
  const { picker } = popup;
  if (list && (picker.value !== undefined || list.id !== "recent")) {
    return (
      <div class="middle">
        {picker.value !== undefined && picker.value !== "background" && (
          <Filter popup={popup} picker={picker.value} list={list.id} rows={list.rows.length} />
        )}
        {picker.value === "background" && <BackgroundFocus popup={popup} />}
        <List list={list} selected={Math.min(popup.selected.value, list.rows.length - 1)} onSelect={(index) => (popup.selected.value = index)} />
      </div>
    );
  }
  if (popup.screen.value !== "chat") return <Failure popup={popup} />;
  return (
    <>
      <ConnectionNote />
      <Failure popup={popup} />
      <FirstNotice popup={popup} />
      <NeedsYou popup={popup} />
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

function Filter({ popup, picker, list, rows }: { popup: Popup; picker: Exclude<Picker, "background">; list: string; rows: number }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const label = t()[FILTERS[picker]];
  useEffect(() => field.current?.focus(), [picker]);
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

/** The background list has nothing to filter: the prompt keeps the keys. */
function BackgroundFocus({ popup }: { popup: Popup }): null {
  useEffect(() => popup.focus(), [popup]);
  return null;
}

/** A request that failed: one sentence, one next step, until it is dismissed or the next one works. */
function Failure({ popup }: { popup: Popup }): JSX.Element | null {
  const { failure } = popup.link;
  const error = failure.value;
  if (!error) return null;
  return (
    <div role="alert">
      <Note
        icon="info"
        title={error.message}
        action={<Dismiss onClick={() => (failure.value = undefined)} />}
      >
        {error.hint !== undefined && <span class="text">{error.hint}</span>}
      </Note>
    </div>
  );
}

function Dismiss({ onClick }: { onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="icon-button" aria-label={t().dismiss} title={t().dismiss} onClick={onClick}>
      <Icon name="x" />
    </button>
  );
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

/** Approvals and questions, the target's own first. */
function NeedsYou({ popup }: { popup: Popup }): JSX.Element | null {
  const words = t();
  const { approvals, questions, agents } = popup.link.model.parts;
  const newestApproval = approvals.value.at(-1);
  const newestQuestion = questions.value.at(-1);
  useEffect(() => {
    if (newestApproval) announce(words.approvalArrived(agentName(agents.value, newestApproval.agent)));
  }, [newestApproval?.id]);
  useEffect(() => {
    if (newestQuestion) announce(words.questionArrived(agentName(agents.value, newestQuestion.agent)));
  }, [newestQuestion?.id]);
  if (approvals.value.length + questions.value.length === 0) return null;
  const firstOpen = approvals.value.find((approval) => !approval.resolving)?.id;
  return (
    <div class="needs-you">
      {approvals.value.map((approval) => (
        <Approval
          key={approval.id}
          approval={approval}
          agent={agentName(agents.value, approval.agent)}
          first={approval.id === firstOpen}
          confirming={popup.confirming.value === approval.id}
          onDecide={(decision) => popup.decide(approval.id, decision)}
          onConfirm={(open) => (popup.confirming.value = open ? approval.id : undefined)}
        />
      ))}
      {questions.value.map((question) => (
        <Question
          key={question.id}
          question={question}
          agent={agentName(agents.value, question.agent)}
          onAnswer={(answers) => {
            void popup.link.ask({ type: "answerQuestion", id: question.id, answers });
            popup.focus();
          }}
        />
      ))}
    </div>
  );
}

function Conversation({ popup }: { popup: Popup }): JSX.Element | null {
  const { model } = popup.link;
  const { order, session, hasOlder } = model.transcript.value;
  const shown = popup.shown.value;
  const outbox = model.parts.outbox.value.filter((queued) => queued.session === session && !order.includes(queued.id));
  const more = shown.length < order.length || (popup.earlier.value && hasOlder);
  if (shown.length === 0 && outbox.length === 0) return null;
  return (
    <Transcript
      shown={shown}
      outbox={outbox}
      earlier={
        more
          ? () => {
              if (popup.earlier.value) void popup.link.ask({ type: "loadOlder", session });
              popup.earlier.value = true;
            }
          : undefined
      }
      actions={{
        edit: (text) => popup.composer.write(text),
        editQueued: (id, text) => popup.editQueued(id, text),
        removeQueued: (id) => void popup.link.ask({ type: "cancelQueued", id }),
        retryQueued: (id) => void popup.link.ask({ type: "retryQueued", id }),
        quote: (text) => popup.composer.quote(text),
        again: (answer) => {
          const at = order.indexOf(answer);
          const asked = order.slice(0, at).findLast((id) => model.cell(id)?.head.value.role === "user");
          const text = asked === undefined ? undefined : model.cell(asked)?.text.value;
          if (text !== undefined) void popup.link.ask({ type: "sendMessage", session, text });
        },
      }}
    />
  );
}
