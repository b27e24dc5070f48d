import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { QuestionItem } from "../api/QuestionItem";
import type { QuestionView } from "../api/QuestionView";
import { t } from "../strings";
import { Countdown } from "./Countdown";
import { Icon } from "./Icon";

type Answers = Record<string, { chosen: string[]; other: string }>;

/** An agent's question: its options, or an answer in own words. */
export function Question({
  question,
  agent,
  onAnswer,
}: {
  question: QuestionView;
  agent: string;
  onAnswer: (answers: Record<string, string[]>) => void;
}): JSX.Element {
  const words = t();
  const [answers, setAnswers] = useState<Answers>({});
  const [askedAtMs] = useState(Date.now());
  const given = (item: QuestionItem): string[] => {
    const answer = answers[item.id];
    const other = answer?.other.trim() ?? "";
    return [...(answer?.chosen ?? []), ...(other === "" ? [] : [other])];
  };
  const complete = question.questions.every((item) => given(item).length > 0);
  const set = (item: QuestionItem, chosen: string[], other: string): void =>
    setAnswers({ ...answers, [item.id]: { chosen, other } });
  const submit = (event: Event): void => {
    event.preventDefault();
    if (complete) onAnswer(Object.fromEntries(question.questions.map((item) => [item.id, given(item)])));
  };
  const titleId = `question-${question.id}`;
  return (
    <form class="card question" role="group" aria-labelledby={titleId} onSubmit={submit}>
      <header>
        <span class="tile neutral">
          <Icon name="question" />
        </span>
        <div class="grow">
          <h3 id={titleId}>{words.asks(agent)}</h3>
          <p>{words.runsIn(question.sessionTitle)}</p>
        </div>
        {question.expiresAtMs !== undefined && <Countdown fromMs={askedAtMs} toMs={question.expiresAtMs} />}
      </header>
      {question.questions.map((item) => (
        <fieldset key={item.id}>
          <legend>{item.question}</legend>
          {item.options.map((option) => {
            const { chosen, other } = answers[item.id] ?? { chosen: [], other: "" };
            const on = chosen.includes(option.label);
            const toggle = (): void => {
              if (!item.multiple) set(item, [option.label], "");
              else set(item, on ? chosen.filter((label) => label !== option.label) : [...chosen, option.label], other);
            };
            return (
              <label class="option" key={option.label}>
                <input type={item.multiple ? "checkbox" : "radio"} name={`${question.id}-${item.id}`} checked={on} onChange={toggle} />
                <span>
                  <b>{option.label}</b>
                  {option.description !== "" && <span class="dim"> {option.description}</span>}
                </span>
              </label>
            );
          })}
          <input
            type="text"
            class="field"
            aria-label={words.otherAnswer}
            placeholder={words.otherAnswer}
            value={answers[item.id]?.other ?? ""}
            onInput={(event) => set(item, item.multiple ? (answers[item.id]?.chosen ?? []) : [], event.currentTarget.value)}
          />
        </fieldset>
      ))}
      <div class="actions">
        <span class="grow" />
        <button type="submit" class="button primary" disabled={!complete}>
          {words.answer}
        </button>
      </div>
    </form>
  );
}
