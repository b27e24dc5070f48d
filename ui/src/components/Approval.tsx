import { Fragment, type JSX } from "preact";
import type { ApprovalFact } from "../api/ApprovalFact";
import type { ApprovalView } from "../api/ApprovalView";
import type { FactKind } from "../api/FactKind";
import { useNow } from "../state/clock";
import { t } from "../strings";
import { visible } from "../text/format";
import { Keys } from "./bits";
import { Countdown } from "./Countdown";
import { Icon } from "./Icon";

/** A command with its program and its quoted parts coloured, and with nothing invisible left in it. */
function CommandText({ text }: { text: string }): JSX.Element {
  const pieces: JSX.Element[] = [];
  let start = true;
  for (const [index, { text: piece, hidden }] of visible(text).entries()) {
    if (hidden) {
      pieces.push(
        <mark key={index} class="hidden-character">
          {piece}
        </mark>,
      );
      continue;
    }
    for (const [at, token] of (piece.match(/"(?:\\.|[^"\\])*"?|'[^']*'?|[^\s"']+|\s+/g) ?? []).entries()) {
      const quoted = /^["']/.test(token);
      const kind = quoted ? "hljs-string" : start && token.trim() !== "" ? "hljs-title" : "";
      pieces.push(
        <span key={`${index}-${at}`} class={kind}>
          {token}
        </span>,
      );
      if (token.trim() !== "") start = /^(?:&&|\|\|?|;|sudo)$/.test(token);
    }
  }
  return <>{pieces}</>;
}

/** A text that a person decides on: what nobody can see in it is spelled out. */
function Visible({ text }: { text: string }): JSX.Element {
  return (
    <>
      {visible(text).map(({ text: piece, hidden }, index) =>
        hidden ? (
          <mark key={index} class="hidden-character">
            {piece}
          </mark>
        ) : (
          piece
        ),
      )}
    </>
  );
}

/** What is known of a command besides its text. */
function Facts({ facts }: { facts: ApprovalFact[] }): JSX.Element {
  const words = t();
  const names: Record<FactKind, string> = {
    runs: words.commandRuns,
    program: words.commandProgram,
    folder: words.commandFolder,
    host: words.commandHost,
    node: words.commandNode,
  };
  return (
    <dl class="facts">
      {facts.map(({ kind, value }) => (
        <Fragment key={kind}>
          <dt>{names[kind]}</dt>
          <dd class={kind === "host" || kind === "node" ? "" : "mono"} dir="ltr">
            <Visible text={value} />
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}

export function Approval({
  approval,
  agent,
  confirming,
  first,
  onDecide,
  onConfirm,
}: {
  approval: ApprovalView;
  /** The agent's name. */
  agent: string;
  /** "Always allow" was pressed and waits for its confirmation. */
  confirming: boolean;
  /** The keys act on the first card alone. */
  first: boolean;
  onDecide: (decision: string) => void;
  onConfirm: (open: boolean) => void;
}): JSX.Element {
  const words = t();
  const now = useNow(approval.expiresAtMs !== undefined).value;
  const expired = approval.expiresAtMs !== undefined && approval.expiresAtMs <= now;
  const reason = approval.detail.trim();
  const may = (decision: string): boolean => approval.allowed.includes(decision);
  const titleId = `approval-${approval.id}`;
  const title = approval.kind === "exec" ? words.wantsCommand(agent) : words.wantsPermission(agent);
  const off = approval.resolving || expired;
  return (
    <section class="card approval" role="group" aria-labelledby={titleId}>
      <header>
        <span class="tile warning">
          <Icon name="shield" />
        </span>
        <div class="grow">
          <h3 id={titleId}>{confirming ? words.alwaysTitle : title}</h3>
          <p>{confirming ? words.alwaysSentence : reason ? <Visible text={reason} /> : words.runsIn(approval.sessionTitle)}</p>
        </div>
        {approval.expiresAtMs !== undefined && <Countdown fromMs={approval.createdAtMs} toMs={approval.expiresAtMs} />}
      </header>
      <div class="code">
        <pre tabIndex={0} dir="ltr">
          <CommandText text={approval.title} />
        </pre>
      </div>
      {approval.facts.length > 0 && <Facts facts={approval.facts} />}
      {confirming ? (
        <div class="actions">
          <button type="button" class="button plain" onClick={() => onConfirm(false)}>
            {words.back}
          </button>
          <span class="grow" />
          <button type="button" class="button primary" disabled={off} onClick={() => onDecide("allow-always")}>
            {words.alwaysConfirm}
          </button>
        </div>
      ) : (
        <div class="actions">
          {may("deny") && (
            <button type="button" class="button deny" disabled={off} onClick={() => onDecide("deny")}>
              {words.deny}
              {first && <Keys keys={["Alt", "D"]} />}
            </button>
          )}
          <span class="grow" />
          {approval.resolving && <span class="dim">{words.deciding}</span>}
          {expired && <span class="dim">{words.expired}</span>}
          {may("allow-always") && (
            <button type="button" class="button" disabled={off} onClick={() => onConfirm(true)}>
              {words.alwaysAllow}
            </button>
          )}
          {may("allow-once") && (
            <button type="button" class="button primary" disabled={off} onClick={() => onDecide("allow-once")}>
              {words.approveOnce}
              {first && <Keys keys={["Alt", "A"]} />}
            </button>
          )}
        </div>
      )}
    </section>
  );
}
