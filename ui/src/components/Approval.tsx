import type { JSX } from "preact";
import type { ApprovalView } from "../api/ApprovalView";
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

/** `Folder: /srv` lines of the detail become facts; the rest is the reason. */
function readDetail(detail: string): { reason: string; facts: [string, string][] } {
  const facts: [string, string][] = [];
  const reason: string[] = [];
  for (const line of detail.split("\n")) {
    const fact = /^([A-Z][\w ]{1,20}):\s+(\S.*)$/.exec(line);
    if (fact?.[1] && fact[2]) facts.push([fact[1], fact[2]]);
    else if (line.trim() !== "") reason.push(line.trim());
  }
  return { reason: reason.join(" "), facts };
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
  const { reason, facts } = readDetail(approval.detail);
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
          <p>{confirming ? words.alwaysSentence : reason || words.runsIn(approval.sessionTitle)}</p>
        </div>
        {approval.expiresAtMs !== undefined && <Countdown fromMs={approval.createdAtMs} toMs={approval.expiresAtMs} />}
      </header>
      <div class="code">
        <pre tabIndex={0} dir="ltr">
          <CommandText text={approval.title} />
        </pre>
      </div>
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd class={value.startsWith("/") || value.startsWith("~") ? "mono" : ""}>{value}</dd>
            </>
          ))}
        </dl>
      )}
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
