import type { AgentView } from "../../api/AgentView";
import type { SessionView } from "../../api/SessionView";
import { agentName } from "../../state/lists";
import type { Strings } from "../../strings";
import { channelName, startOfDay } from "../../text/format";

export type Filter = "all" | "unread" | "running" | "needs-you";
export const FILTERS: readonly Filter[] = ["all", "unread", "running", "needs-you"];
export type Sort = "recent" | "title" | "context" | "cost";
export const SORTS: readonly Sort[] = ["recent", "title", "context", "cost"];
export type Grouping = "day" | "label" | "agent" | "channel" | "none";
export const GROUPINGS: readonly Grouping[] = ["day", "label", "agent", "channel", "none"];

/** Which sessions the list shows, and how. */
export interface Selection {
  filter: Filter;
  /** Letters that title, agent or channel have. */
  text: string;
  /** Empty: all. */
  agent: string;
  /** Empty: all. This app itself is `desktop`. */
  channel: string;
  archived: boolean;
  sort: Sort;
  grouping: Grouping;
}

export const EVERYTHING: Selection = { filter: "all", text: "", agent: "", channel: "", archived: false, sort: "recent", grouping: "day" };

/** A line of the list: the head of a group, or a session. */
export type Line = { head: string; pinned: boolean } | { session: SessionView };

export const channelOf = (session: SessionView): string => (session.channel === "" ? "desktop" : session.channel);

const letters = new WeakMap<SessionView, string>();

/** What a filter by letters looks at, made once for each state of a session. */
function lettersOf(session: SessionView): string {
  let text = letters.get(session);
  if (text === undefined) {
    text = `${session.title} ${session.agent} ${session.channel} ${session.group ?? ""}`.toLowerCase();
    letters.set(session, text);
  }
  return text;
}

/** The sessions that fit, in order. Sessions come in with the newest first. */
export function choose(sessions: readonly SessionView[], selection: Selection): SessionView[] {
  const words = selection.text.toLowerCase().split(/\s+/).filter(Boolean);
  const fitting = sessions.filter((session) => {
    if (session.archived !== selection.archived) return false;
    if (selection.filter === "unread" && !session.unread) return false;
    if (selection.filter === "running" && !session.running) return false;
    if (selection.filter === "needs-you" && !session.needsApproval) return false;
    if (selection.agent !== "" && session.agent !== selection.agent) return false;
    if (selection.channel !== "" && channelOf(session) !== selection.channel) return false;
    if (words.length === 0) return true;
    const text = lettersOf(session);
    return words.every((word) => text.includes(word));
  });
  const share = (session: SessionView): number => (session.contextTokens > 0 ? session.tokens / session.contextTokens : 0);
  switch (selection.sort) {
    case "recent":
      return fitting;
    case "title":
      return fitting.sort((a, b) => a.title.localeCompare(b.title));
    case "context":
      return fitting.sort((a, b) => share(b) - share(a));
    case "cost":
      return fitting.sort((a, b) => (b.costUsd ?? 0) - (a.costUsd ?? 0));
  }
}

/** Pinned first, then by group. Days are only told apart while the newest come first. */
export function group(
  sessions: readonly SessionView[],
  selection: Selection,
  agents: readonly AgentView[],
  nowMs: number,
  words: Strings,
): Line[] {
  const lines: Line[] = [];
  const pinned = sessions.filter((session) => session.pinned);
  if (pinned.length > 0) lines.push({ head: words.pinned, pinned: true }, ...pinned.map((session) => ({ session })));
  const rest = sessions.filter((session) => !session.pinned);
  const grouping = selection.grouping === "day" && selection.sort !== "recent" ? "none" : selection.grouping;
  if (grouping === "none") {
    if (pinned.length > 0 && rest.length > 0) lines.push({ head: words.others, pinned: false });
    return [...lines, ...rest.map((session) => ({ session }))];
  }
  const [today, yesterday, week] = [0, 1, 6].map((days) => startOfDay(nowMs, days)) as [number, number, number];
  const head = (session: SessionView): string => {
    switch (grouping) {
      case "day": {
        const at = session.updatedAtMs;
        return at >= today ? words.today : at >= yesterday ? words.yesterday : at >= week ? words.thisWeek : words.older;
      }
      case "agent":
        return agentName(agents, session.agent);
      case "channel":
        return session.channel === "" ? words.thisApp : channelName(session.channel);
      case "label":
        return session.group ?? "";
    }
  };
  const groups = new Map<string, SessionView[]>();
  for (const session of rest) {
    const name = head(session);
    const found = groups.get(name);
    if (found) found.push(session);
    else groups.set(name, [session]);
  }
  const names = [...groups.keys()];
  // Days come in their own order; sessions without a group come last.
  if (grouping !== "day") names.sort((a, b) => Number(a === "") - Number(b === "") || a.localeCompare(b));
  for (const name of names) {
    lines.push({ head: name === "" ? words.withoutGroup : name, pinned: false });
    for (const session of groups.get(name) ?? []) lines.push({ session });
  }
  return lines;
}
