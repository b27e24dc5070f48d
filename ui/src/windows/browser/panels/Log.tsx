import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { CopyButton } from "../../../components/bits";
import { t } from "../../../strings";
import type { Browser } from "../state";
import { Title, Why } from "./parts";

/** Lines drawn at once; the older ones are found by filtering. */
const SHOWN = 400;

function timeOf(ms: number | undefined): string {
  if (ms === undefined) return "";
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The end of the gateway's log. It follows until one scrolls up. */
export function LogPanel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { panels } = browser;
  const [filter, setFilter] = useState("");
  const [problems, setProblems] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const wanted = filter.trim().toLowerCase();
  const lines = panels.log.value.filter(
    (line) =>
      (!problems || line.level === "warn" || line.level === "error") &&
      (wanted === "" || line.text.toLowerCase().includes(wanted) || line.part.toLowerCase().includes(wanted)),
  );
  const shown = lines.slice(-SHOWN);
  useLayoutEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <>
      <Title actions={<CopyButton text={() => lines.map((line) => `${timeOf(line.atMs)} ${line.level} ${line.part} ${line.text}`).join("\n")} />}>{words.logPanel}</Title>
      <div class="form-line">
        <input class="field grow" aria-label={words.filterLog} placeholder={words.filterLog} spellcheck={false} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        <button type="button" class={problems ? "button medium on" : "button medium"} aria-pressed={problems} onClick={() => setProblems(!problems)}>
          {words.onlyProblems}
        </button>
      </div>
      <Why failure={panels.logFailure.value} browser={browser} />
      <div
        ref={box}
        class="log"
        role="log"
        aria-live="off"
        aria-label={words.logPanel}
        tabIndex={0}
        onScroll={({ currentTarget }) => (follows.current = currentTarget.scrollHeight - currentTarget.scrollTop - currentTarget.clientHeight < 24)}
      >
        {shown.map((line, index) => (
          <p key={index} class={line.level}>
            <time>{timeOf(line.atMs)}</time> {line.level !== "info" && <b>{line.level}</b>} {line.part !== "" && <span class="dim">{line.part}</span>} {line.text}
          </p>
        ))}
        {shown.length === 0 && !panels.logFailure.value && <p class="dim">{words.logEmpty}</p>}
      </div>
    </>
  );
}
