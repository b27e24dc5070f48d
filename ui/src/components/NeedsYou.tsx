import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ApprovalView } from "../api/ApprovalView";
import { announce } from "../state/announce";
import { agentName } from "../state/lists";
import type { Link } from "../state/session";
import { t } from "../strings";
import { Approval } from "./Approval";
import { Icon } from "./Icon";
import { Note } from "./Note";
import { Question } from "./Question";

/** Approvals of different gateways may have the same id. */
const approvalKey = ({ gateway, id }: ApprovalView): string => `${gateway}/${id}`;

/** A window in which decisions are made. */
export interface Desk {
  readonly link: Link;
  /** The approval whose permanent permission waits for its confirmation. */
  readonly confirming: Signal<string | undefined>;
  decide(approval: ApprovalView, decision: string): void;
  focus(): void;
}

/** A request that failed: one sentence, one next step, until it is dismissed or the next one works. */
export function Failure({ link }: { link: Link }): JSX.Element | null {
  const { failure } = link;
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

export function Dismiss({ onClick }: { onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="icon-button" aria-label={t().dismiss} title={t().dismiss} onClick={onClick}>
      <Icon name="x" />
    </button>
  );
}

/** Approvals and questions, the target's own first. */
export function NeedsYou({ desk }: { desk: Desk }): JSX.Element | null {
  const words = t();
  const { approvals, questions, agents } = desk.link.model.parts;
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
          key={approvalKey(approval)}
          approval={approval}
          agent={agentName(agents.value, approval.agent)}
          first={approval.id === firstOpen}
          confirming={desk.confirming.value === approvalKey(approval)}
          onDecide={(decision) => desk.decide(approval, decision)}
          onConfirm={(open) => (desk.confirming.value = open ? approvalKey(approval) : undefined)}
        />
      ))}
      {questions.value.map((question) => (
        <Question
          key={`${question.gateway}/${question.id}`}
          question={question}
          agent={agentName(agents.value, question.agent)}
          onAnswer={(answers) => {
            void desk.link.ask({ type: "answerQuestion", gateway: question.gateway, id: question.id, answers });
            desk.focus();
          }}
        />
      ))}
    </div>
  );
}

