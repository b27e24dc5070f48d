import type { ToolView } from "../api/ToolView";
import type { Strings } from "../strings";

type Kind = "read" | "run" | "write" | "search" | "open" | "other";

/** What a tool does, by the gateway's names for its tools. */
export function toolKind(name: string): Kind {
  const plain = name.toLowerCase();
  if (/^(?:exec|bash|shell|process|run|terminal|code_execution)/.test(plain)) return "run";
  if (/^(?:read|cat|view|pdf|image)$/.test(plain)) return "read";
  if (/^(?:write|edit|apply_patch|multi_?edit)/.test(plain)) return "write";
  if (/(?:^|_)search$/.test(plain)) return "search";
  if (/^(?:web_fetch|fetch|browser|open)/.test(plain)) return "open";
  return "other";
}

/** The end of a path or the host of an address: enough to know which one. */
function shortTarget(summary: string): string {
  const text = summary.trim().split("\n")[0] ?? "";
  const url = /^https?:\/\/([^/?#\s]+)/.exec(text)?.[1];
  if (url) return url;
  if (/^[~./\w-]*\/[^\s]+$/.test(text)) return text.slice(text.lastIndexOf("/") + 1) || text;
  return text;
}

/** One line about all tool calls of an answer: "Read build.log, ran 2 commands". */
export function toolsLine(tools: readonly ToolView[], words: Strings): string {
  const groups = new Map<string, ToolView[]>();
  for (const tool of tools) {
    const kind = toolKind(tool.name);
    const key = kind === "other" ? `other:${tool.name}` : kind;
    groups.set(key, [...(groups.get(key) ?? []), tool]);
  }
  const parts: string[] = [];
  for (const [key, calls] of groups) {
    const target = shortTarget(calls[0]?.summary ?? "");
    const one = calls.length === 1 && target !== "";
    if (key === "read") parts.push(one ? words.toolRead(target) : words.toolReadMany(calls.length));
    else if (key === "run") parts.push(words.toolRan(calls.length));
    else if (key === "write") parts.push(one ? words.toolWrote(target) : words.toolWroteMany(calls.length));
    else if (key === "search") parts.push(words.toolSearched);
    else if (key === "open") parts.push(one ? words.toolOpened(target) : words.toolOpenedMany(calls.length));
    else {
      const name = (calls[0]?.name ?? "").replaceAll("_", " ");
      parts.push(calls.length === 1 ? words.toolUsed(name) : words.toolUsedTimes(name, calls.length));
    }
  }
  return sentenceCase(words.listJoin(parts));
}

export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** How long the calls took together, or since when the first one runs. */
export function toolsSpan(tools: readonly ToolView[]): { doneMs: number; runningSinceMs: number | undefined; failed: boolean } {
  let doneMs = 0;
  let runningSinceMs: number | undefined;
  let failed = false;
  for (const tool of tools) {
    if (tool.running) runningSinceMs = Math.min(runningSinceMs ?? tool.startedAtMs, tool.startedAtMs);
    else doneMs += tool.durationMs ?? 0;
    failed ||= tool.failed;
  }
  return { doneMs, runningSinceMs, failed };
}
