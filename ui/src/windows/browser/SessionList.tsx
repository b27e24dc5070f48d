import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SessionView } from "../../api/SessionView";
import { Avatar, Spinner } from "../../components/bits";
import { isComposing } from "../../components/ComposerField";
import { Icon } from "../../components/Icon";
import { agentName } from "../../state/lists";
import { locale, t } from "../../strings";
import { channelName, shortTime } from "../../text/format";
import { channelOf, EVERYTHING, type Filter, FILTERS, group, type Grouping, GROUPINGS, type Line, type Sort, SORTS } from "./rows";
import type { Browser } from "./state";

const ROW_PX = 56;
const HEAD_PX = 30;
/** Drawn beyond the edges, so that a quick scroll shows no gap. */
const MARGIN_PX = 300;

const NOTHING = { all: "noSessionsYet", unread: "nothingUnread", running: "nothingRunning", "needs-you": "nothingNeedsYou" } as const;
const TABS = { all: "all", unread: "unreadTab", running: "runningTab", "needs-you": "needsYou" } as const;

/** What the list keeps to: letters, a state, and behind a button the rest. */
export function Filters({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const count = browser.needsYou.value;
  const { filter, text, agent, channel, archived, sort, grouping } = browser.selection.value;
  const special = agent !== "" || channel !== "" || archived || sort !== EVERYTHING.sort || grouping !== EVERYTHING.grouping;
  const tab = (name: Filter): JSX.Element => (
    <button key={name} type="button" aria-pressed={filter === name} onClick={() => browser.select({ filter: name })}>
      {words[TABS[name]]}
      {name === "needs-you" && count > 0 && <i>{count}</i>}
    </button>
  );
  return (
    <div class="list-head">
      <div class="list-filter">
        <Icon name="search" small />
        <input
          aria-label={words.filterSessions}
          placeholder={words.filterSessions}
          aria-controls="session-list"
          spellcheck={false}
          autocomplete="off"
          value={text}
          onInput={(event) => browser.select({ text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (isComposing(event)) return;
            if (event.key === "ArrowDown" || event.key === "Enter") {
              event.preventDefault();
              document.getElementById("session-list")?.focus();
              const first = browser.sessions.value[0];
              if (event.key === "Enter" && first) browser.open(first.key);
            } else if (event.key === "Escape" && text !== "") {
              event.stopPropagation();
              browser.select({ text: "" });
            }
          }}
        />
        <button
          type="button"
          class={special ? "icon-button on" : "icon-button"}
          aria-label={words.listOptions}
          title={words.listOptions}
          aria-expanded={browser.listOptions.value}
          onClick={() => (browser.listOptions.value = !browser.listOptions.value)}
        >
          <Icon name="funnel" />
        </button>
      </div>
      {browser.listOptions.value && <Options browser={browser} special={special} />}
      <div class="segments" role="group" aria-label={words.filter}>
        {FILTERS.map(tab)}
      </div>
    </div>
  );
}

function Options({ browser, special }: { browser: Browser; special: boolean }): JSX.Element {
  const words = t();
  const { agents, sessions } = browser.link.model.parts;
  const { agent, channel, archived, sort, grouping } = browser.selection.value;
  const first = useRef<HTMLSelectElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);
  const inUse = useMemo(() => {
    const agentsSeen = new Set<string>();
    const channelsSeen = new Set<string>();
    for (const session of sessions.value) {
      agentsSeen.add(session.agent);
      channelsSeen.add(channelOf(session));
    }
    return { agents: [...agentsSeen].sort(), channels: [...channelsSeen].sort() };
  }, [sessions.value]);
  const sorts: Record<Sort, string> = { recent: words.sortRecent, title: words.sortTitle, context: words.context, cost: words.costWord };
  const groupings: Record<Grouping, string> = { day: words.groupDay, label: words.groupLabel, agent: words.agentWord, channel: words.channelWord, none: words.groupNone };
  const pick = <Value extends string>(label: string, value: Value, options: [Value, string][], take: (value: Value) => void, field?: typeof first): JSX.Element => (
    <label>
      <span>{label}</span>
      <select class="field select" ref={field} value={value} onChange={(event) => take(event.currentTarget.value as Value)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div class="list-options">
      {pick(words.agentWord, agent, [["", words.all], ...inUse.agents.map((id): [string, string] => [id, agentName(agents.value, id)])], (value) => browser.select({ agent: value }), first)}
      {pick(
        words.channelWord,
        channel,
        [["", words.all], ...inUse.channels.map((id): [string, string] => [id, id === "desktop" ? words.thisApp : channelName(id)])],
        (value) => browser.select({ channel: value }),
      )}
      {pick(words.sortBy, sort, SORTS.map((name): [Sort, string] => [name, sorts[name]]), (value) => browser.select({ sort: value }))}
      {pick(words.groupBy, grouping, GROUPINGS.map((name): [Grouping, string] => [name, groupings[name]]), (value) => browser.select({ grouping: value }))}
      <label class="check">
        <input type="checkbox" checked={archived} onChange={(event) => browser.select({ archived: event.currentTarget.checked })} />
        <span>{words.archivedTab}</span>
      </label>
      {special && (
        <button type="button" class="link-button" onClick={() => browser.select({ ...EVERYTHING, filter: browser.selection.value.filter, text: browser.selection.value.text })}>
          {words.showEverything}
        </button>
      )}
    </div>
  );
}

/** All sessions, of which only those in sight are in the page. */
export function SessionList({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const box = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 800 });
  const sessions = browser.sessions.value;
  const selected = browser.link.model.parts.target.value.session;
  const selection = browser.selection.value;
  const agents = browser.link.model.parts.agents.value;
  const lines = useMemo(() => group(sessions, selection, agents, Date.now(), words), [sessions, selection, agents, words]);
  // Another selection is read from its beginning.
  const listed = useRef(selection);
  useLayoutEffect(() => {
    if (listed.current !== selection) box.current?.scrollTo({ top: 0 });
    listed.current = selection;
  }, [selection]);
  const tops = useMemo(() => {
    const found = new Float64Array(lines.length + 1);
    lines.forEach((line, index) => (found[index + 1] = (found[index] ?? 0) + ("head" in line ? HEAD_PX : ROW_PX)));
    return found;
  }, [lines]);
  const whole = tops[lines.length] ?? 0;

  useLayoutEffect(() => {
    const scroller = box.current;
    if (!scroller || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setScroll({ top: scroller.scrollTop, height: scroller.clientHeight }));
    observer.observe(scroller);
    return () => observer.disconnect();
  }, []);

  const rowAt = lines.findIndex((line) => "session" in line && line.session.key === selected);
  useEffect(() => {
    const scroller = box.current;
    if (!scroller || rowAt < 0) return;
    const top = tops[rowAt] ?? 0;
    if (top < scroller.scrollTop) scroller.scrollTop = top - HEAD_PX;
    else if (top + ROW_PX > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + ROW_PX - scroller.clientHeight;
  }, [selected]);

  const move = (step: number): void => {
    const keys = lines.flatMap((line) => ("session" in line ? [line.session.key] : []));
    const at = keys.indexOf(selected);
    const next = keys[Math.min(keys.length - 1, Math.max(0, at + step))];
    if (next !== undefined) browser.open(next);
  };
  const onKey = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -sessions.length, End: sessions.length };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      move(step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      browser.focus();
    }
  };

  const first = lowerBound(tops, scroll.top - MARGIN_PX);
  const last = lowerBound(tops, scroll.top + scroll.height + MARGIN_PX);
  return (
    <div
      ref={box}
      class="session-scroll"
      onScroll={(event) => setScroll({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      {lines.length === 0 && <p class="nothing">{selection.text.trim() !== "" ? words.noSession(selection.text.trim()) : selection.archived ? words.nothingArchived : words[NOTHING[selection.filter]]}</p>}
      {lines.length > 0 && (
        <div
          class="session-lines"
          role="listbox"
          id="session-list"
          aria-label={words.sessions}
          tabIndex={0}
          aria-activedescendant={rowAt >= 0 ? `session-${rowAt}` : undefined}
          style={{ height: `${whole}px` }}
          onKeyDown={onKey}
        >
          {lines.slice(first, last).map((line, offset) => {
            const index = first + offset;
            return <LineView key={lineKey(line)} line={line} index={index} top={tops[index] ?? 0} count={sessions.length} selected={selected} browser={browser} />;
          })}
        </div>
      )}
    </div>
  );
}

const lineKey = (line: Line): string => ("head" in line ? `head ${line.head}` : line.session.key);

/** The last line that begins at or before a height. */
function lowerBound(tops: Float64Array, height: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tops[middle + 1] ?? Infinity) <= height) low = middle + 1;
    else high = middle;
  }
  return low;
}

function LineView({
  line,
  index,
  top,
  count,
  selected,
  browser,
}: {
  line: Line;
  index: number;
  top: number;
  count: number;
  selected: string;
  browser: Browser;
}): JSX.Element {
  if ("head" in line) {
    return (
      <div class="session-head" role="presentation" style={{ transform: `translateY(${top}px)` }}>
        {line.pinned && <Icon name="pin" />}
        {line.head}
      </div>
    );
  }
  const { session } = line;
  return (
    <div
      id={`session-${index}`}
      role="option"
      aria-selected={session.key === selected}
      aria-setsize={count}
      class={`session ${session.key === selected ? "selected" : ""} ${session.unread ? "new" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => browser.open(session.key)}
    >
      <SessionRow session={session} name={agentName(browser.link.model.parts.agents.value, session.agent)} />
    </div>
  );
}

const CHANNEL_ICONS: Record<string, "chat" | "mail" | "hash" | "clock" | "globe" | "terminal"> = {
  email: "mail",
  slack: "hash",
  irc: "hash",
  discord: "hash",
  cron: "clock",
  webchat: "globe",
  cli: "terminal",
};

function SessionRow({ session, name }: { session: SessionView; name: string }): JSX.Element {
  const words = t();
  const share = session.contextTokens > 0 ? Math.min(1, session.tokens / session.contextTokens) : 0;
  return (
    <>
      <span class="avatar-frame">
        <Avatar agent={session.agent} name={name} size="large" />
        <span class="channel" aria-hidden="true">
          <Icon name={CHANNEL_ICONS[session.channel] ?? "chat"} />
        </span>
      </span>
      <div class="grow">
        <div class="session-title">
          <b class="clip grow" dir="auto">{session.title}</b>
          {session.running ? (
            <span role="img" aria-label={words.running}>
              <Spinner />
            </span>
          ) : (
            session.unread && <span class="unread" role="img" aria-label={words.unread} />
          )}
          <time>{shortTime(session.updatedAtMs, Date.now(), locale(), words)}</time>
        </div>
        <div class="session-meta">
          {session.needsApproval ? (
            <span class="needs grow">
              <Icon name="shield" small />
              {words.needsApproval}
            </span>
          ) : (
            <span class="clip grow">
              {name} · {session.channel === "" ? words.thisApp : channelName(session.channel)}
            </span>
          )}
          {session.contextTokens > 0 && (
            <span class={share >= 0.8 ? "context-bar high" : "context-bar"} role="img" aria-label={words.contextPercent(Math.round(share * 100))}>
              <i style={{ width: `${share * 100}%` }} />
            </span>
          )}
        </div>
      </div>
    </>
  );
}
