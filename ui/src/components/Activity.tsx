import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ToolView } from "../api/ToolView";
import type { MessageCell } from "../state/model";
import { useNow } from "../state/clock";
import { locale, t } from "../strings";
import { duration, elapsed } from "../text/format";
import { toolKind, toolsLine, toolsSpan } from "../text/tools";
import { Icon } from "./Icon";

const OUTPUT_LINES = 12;

/** What the agent did on the way to its answer: one folded line, every call behind it. */
export function Activity({ cell }: { cell: MessageCell }): JSX.Element | null {
  const { tools } = cell.head.value;
  const [open, setOpen] = useState(false);
  if (tools.length === 0) return null;
  return (
    <div class="activity">
      <FoldLine open={open} onToggle={() => setOpen(!open)}>
        <ToolsSummary tools={tools} />
      </FoldLine>
      {open && (
        <div class="calls">
          {tools.map((tool) => (
            <ToolCall key={tool.id} tool={tool} />
          ))}
        </div>
      )}
    </div>
  );
}

function FoldLine({ open, onToggle, children }: { open: boolean; onToggle: () => void; children: JSX.Element }): JSX.Element {
  return (
    <button type="button" class="fold" aria-expanded={open} onClick={onToggle}>
      <Icon name="chevron-right" class={open ? "turned" : ""} />
      {children}
    </button>
  );
}

function ToolsSummary({ tools }: { tools: readonly ToolView[] }): JSX.Element {
  const { doneMs, runningSinceMs, failed } = toolsSpan(tools);
  const now = useNow(runningSinceMs !== undefined);
  return (
    <>
      <span class="clip">{toolsLine(tools, t())}</span>
      {runningSinceMs !== undefined ? (
        <span class="dim number">{elapsed(now.value - runningSinceMs)}</span>
      ) : (
        <>
          {doneMs > 0 && <span class="dim number">{duration(doneMs, locale())}</span>}
          {failed ? <span class="danger">{t().toolFailed}</span> : <Icon name="check" class="fine" />}
        </>
      )}
    </>
  );
}

/** One tool call: verb, target, time, mark; arguments and output when unfolded. */
function ToolCall({ tool }: { tool: ToolView }): JSX.Element {
  const words = t();
  const [open, setOpen] = useState(false);
  const now = useNow(tool.running);
  const kind = toolKind(tool.name);
  const verb = kind === "other" ? tool.name.replaceAll("_", " ") : tool.name;
  const hasMore = tool.arguments !== "" || tool.output !== "";
  return (
    <div class="call">
      <button type="button" class="call-head" aria-expanded={open} disabled={!hasMore} onClick={() => setOpen(!open)}>
        <Icon name="chevron-right" class={open ? "turned" : ""} />
        <span>{verb}</span>
        <code class="grow clip">{tool.summary}</code>
        {tool.running ? (
          <span class="dim number">
            {words.toolRunning} {elapsed(now.value - tool.startedAtMs)}
          </span>
        ) : (
          <>
            {tool.durationMs !== undefined && <span class="dim number">{duration(tool.durationMs, locale())}</span>}
            {tool.failed ? <span class="danger">{words.toolFailed}</span> : <Icon name="check" class="fine" />}
          </>
        )}
      </button>
      {open && tool.arguments !== "" && tool.arguments !== "{}" && <Output label={words.input} text={tool.arguments} />}
      {open && tool.output !== "" && <Output label={words.output} text={tool.output} />}
    </div>
  );
}

function Output({ label, text }: { label: string; text: string }): JSX.Element {
  const [all, setAll] = useState(false);
  const lines = text.replace(/\n$/, "").split("\n");
  const cut = !all && lines.length > OUTPUT_LINES;
  return (
    <>
      <pre tabIndex={0} role="region" aria-label={label}>
        {cut ? lines.slice(0, OUTPUT_LINES).join("\n") : lines.join("\n")}
      </pre>
      {lines.length > OUTPUT_LINES && (
        <button type="button" class="link-button more" onClick={() => setAll(!all)}>
          {cut ? t().showAll : t().showLess}
        </button>
      )}
    </>
  );
}

/** The agent's thinking, folded, with the time it takes while it goes on. */
export function Thinking({ cell, sinceMs }: { cell: MessageCell; sinceMs: number | undefined }): JSX.Element | null {
  const [open, setOpen] = useState(false);
  const running = sinceMs !== undefined;
  const now = useNow(running);
  if (cell.thinking.value === "") return null;
  return (
    <div class="activity">
      <FoldLine open={open} onToggle={() => setOpen(!open)}>
        <>
          <span>{running ? t().thinking : t().thought}</span>
          {running && <span class="dim number">{elapsed(now.value - sinceMs)}</span>}
        </>
      </FoldLine>
      {open && <div class="thoughts">{cell.thinking.value}</div>}
    </div>
  );
}
