import { describe, expect, test } from "vitest";
import type { SessionView } from "../../api/SessionView";
import { session } from "../../host/fake/parts";
import { en } from "../../strings/en";
import { choose, EVERYTHING, group, type Line, type Selection } from "./rows";

const SESSIONS: SessionView[] = [
  session("a", "Alpha", "main", 1, { pinned: true, tokens: 10 }),
  session("b", "Beta", "ops", 2, { unread: true, channel: "telegram", costUsd: 2, tokens: 150_000 }),
  session("c", "Gamma", "main", 3, { running: true, group: "Work", costUsd: 5 }),
  session("d", "Delta", "ops", 60 * 24 * 40, { archived: true }),
  session("e", "Epsilon", "main", 60 * 24 * 40, { needsApproval: true }),
];

const keys = (selection: Partial<Selection>): string[] => choose(SESSIONS, { ...EVERYTHING, ...selection }).map(({ key }) => key);
const words = en as never;
const lines = (selection: Partial<Selection>): string[] =>
  group(choose(SESSIONS, { ...EVERYTHING, ...selection }), { ...EVERYTHING, ...selection }, [], Date.now(), words).map((line: Line) =>
    "head" in line ? `# ${line.head}` : line.session.key,
  );

describe("the list", () => {
  test.each<[Partial<Selection>, string[]]>([
    [{}, ["a", "b", "c", "e"]],
    [{ filter: "unread" }, ["b"]],
    [{ filter: "running" }, ["c"]],
    [{ filter: "needs-you" }, ["e"]],
    [{ archived: true }, ["d"]],
    [{ agent: "ops" }, ["b"]],
    [{ channel: "telegram" }, ["b"]],
    [{ channel: "desktop" }, ["a", "c", "e"]],
    [{ text: "  MA work" }, ["c"]],
    [{ text: "nothing" }, []],
    [{ sort: "title" }, ["a", "b", "e", "c"]],
    [{ sort: "cost" }, ["c", "b", "a", "e"]],
    [{ sort: "context" }, ["b", "c", "e", "a"]],
  ])("%j shows %j", (selection, expected) => {
    expect(keys(selection)).toEqual(expected);
  });

  test("groups: pinned first, days in order, others by name, no group last", () => {
    expect(lines({})).toEqual(["# Pinned", "a", "# Today", "b", "c", "# Older", "e"]);
    expect(lines({ grouping: "agent" })).toEqual(["# Pinned", "a", "# Main", "c", "e", "# Ops", "b"]);
    expect(lines({ grouping: "channel" })).toEqual(["# Pinned", "a", "# Desktop", "c", "e", "# Telegram", "b"]);
    expect(lines({ grouping: "label" })).toEqual(["# Pinned", "a", "# Work", "c", "# No group", "b", "e"]);
    expect(lines({ grouping: "none" })).toEqual(["# Pinned", "a", "# Others", "b", "c", "e"]);
    expect(lines({ sort: "title" })).toEqual(["# Pinned", "a", "# Others", "b", "e", "c"]);
  });
});
