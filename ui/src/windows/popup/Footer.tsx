import type { JSX } from "preact";
import { Keys, Spinner, StateDot } from "../../components/bits";
import { useNow } from "../../state/clock";
import type { RunView } from "../../api/RunView";
import { t } from "../../strings";
import { connectionWord } from "../../text/connection";
import { elapsed } from "../../text/format";
import { hints } from "./footer";
import type { Popup } from "./state";

/** What runs, or how the gateway is, and the keys that work now. */
export function Footer({ popup }: { popup: Popup }): JSX.Element {
  const words = t();
  return (
    <footer class="foot">
      <State popup={popup} />
      {hints(popup, words).map(({ word, keys }) => (
        <span class="hint" key={word}>
          {word} <Keys keys={keys} />
        </span>
      ))}
    </footer>
  );
}

/** A sign of what goes on. Words that come in are motion enough: the caret's mark stands still, for every frame of a spinner costs. */
function Doing({ phase }: { phase: RunView["phase"] }): JSX.Element {
  if (phase === "waiting-approval") return <span class="dot half" aria-hidden="true" />;
  if (phase === "replying") return <span class="caret-mark" aria-hidden="true" />;
  return <Spinner />;
}

function State({ popup }: { popup: Popup }): JSX.Element {
  const words = t();
  const { parts, run } = popup.link.model;
  const active = run.value;
  const now = useNow(active !== undefined).value;
  const { word, gateway } = parts.connection.value;
  if (active && word === "ready" && popup.screen.value === "chat") {
    const { agent } = popup;
    const doing =
      active.phase === "replying"
        ? words.isWriting(agent)
        : active.phase === "tool" && active.tool
          ? words.isUsing(agent, active.tool)
          : active.phase === "waiting-approval"
            ? words.isWaiting(agent)
            : active.phase === "thinking"
              ? words.isThinking(agent)
              : words.isPreparing(agent);
    return (
      <span class="state" role="status">
        <Doing phase={active.phase} />
        <span class="clip">{doing}</span>
        <span class="dim number" aria-hidden="true">
          {elapsed(now - active.startedAtMs)}
        </span>
      </span>
    );
  }
  return (
    <span class="state" role="status">
      <StateDot word={word} />
      {gateway !== "" && <span class="clip">{gateway}</span>}
      <span class="dim clip">{connectionWord(word, words)}</span>
    </span>
  );
}
