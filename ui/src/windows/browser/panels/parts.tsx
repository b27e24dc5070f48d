import type { ComponentChildren, JSX } from "preact";
import type { UiError } from "../../../api/UiError";
import { Icon } from "../../../components/Icon";
import type { Standing } from "../../../state/facts";
import { t } from "../../../strings";
import type { Browser } from "../state";

/** Why a panel has nothing to show, in one sentence and, where it helps, in the gateway's own words. */
export function Why({ failure, browser }: { failure: UiError | undefined; browser: Browser }): JSX.Element | null {
  const words = t();
  const { gateway } = browser.link.model.parts.connection.value;
  const active = browser.link.model.parts.gateways.value.find((each) => each.active);
  if (!failure) return null;
  const unknown = failure.code === "unsupported" || /unknown method/i.test(failure.message);
  const offline = failure.code === "not-connected" || failure.code === "disconnected";
  const sentence =
    failure.code === "forbidden" ? words.panelForbidden(gateway) : unknown ? words.panelUnsupported(gateway) : offline ? words.panelOffline(gateway) : failure.message;
  return (
    <div class="why" role="status">
      <Icon name={failure.code === "forbidden" ? "lock" : "info"} small />
      <div class="grow">
        <span>{sentence}</span>
        {failure.code === "forbidden" && <span class="dim">{failure.message}</span>}
        {failure.code === "forbidden" && active && !active.fullControl && (
          <button type="button" class="button medium" onClick={() => void browser.link.ask({ type: "setFullControl", id: active.id, on: true })}>
            {words.allowFullControl}
          </button>
        )}
      </div>
    </div>
  );
}

/** A panel's head: what it is, and what can be done with all of it. */
export function Title({ children, actions }: { children: ComponentChildren; actions?: ComponentChildren }): JSX.Element {
  return (
    <header class="side-head">
      <h2 class="grow clip">{children}</h2>
      {actions}
    </header>
  );
}

/** The panel is there before its answer; only after a moment it says that it waits. */
export function Waiting(): JSX.Element {
  return (
    <div class="placeholders" role="status" aria-label={t().loading}>
      <i />
      <i />
      <i />
    </div>
  );
}

const SHAPES: Record<Standing, string> = { fine: "full", waits: "half", wrong: "bad", off: "off" };

export function StandingDot({ standing }: { standing: Standing }): JSX.Element {
  return <span class={`dot ${SHAPES[standing]}`} aria-hidden="true" />;
}

export function standingWord(standing: Standing): string {
  const words = t();
  return { fine: words.standsFine, waits: words.standsWaiting, wrong: words.standsWrong, off: words.standsOff }[standing];
}
