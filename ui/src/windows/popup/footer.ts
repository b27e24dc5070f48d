import type { Strings } from "../../strings";
import type { Popup } from "./state";

/** A hint of the footer: a word and the keys that do it now. */
export interface Hint {
  word: string;
  keys: string[];
}

/** At most four keys, and only those that work now. */
export function hints(popup: Popup, words: Strings): Hint[] {
  const hint = (word: string, ...keys: string[]): Hint => ({ word, keys });
  const { parts, run } = popup.link.model;
  const other = parts.gateways.value.length > 1 ? [hint(words.hintOtherGateway, "Ctrl", "G")] : [];
  const list = popup.list.value;
  if (list && list.id !== "recent") {
    const insertable = list.id === "commands" && list.rows.length > 0;
    return [
      ...(list.rows.length > 1 ? [hint(words.hintChoose, "↑", "↓")] : []),
      ...(insertable ? [hint(words.hintInsert, "Tab")] : []),
      ...(list.rows.length > 0 ? [hint(list.id === "commands" ? words.hintRun : words.hintOpen, "Enter")] : []),
      hint(words.hintClose, "Esc"),
    ];
  }
  if (popup.screen.value !== "chat") return [...other, hint(words.hintHide, "Esc")];
  const ready = parts.connection.value.word === "ready";
  if (popup.composer.canSend.value) {
    return [
      hint(words.hintNewLine, "Shift", "Enter"),
      ...(ready && popup.composer.attachments.value.length === 0 ? [hint(words.hintBackground, "Alt", "Enter")] : []),
      hint(words.hintSendWindow, "Ctrl", "Enter"),
      hint(ready ? words.hintSend : words.hintSendLater, "Enter"),
    ].slice(-4);
  }
  if (parts.approvals.value.length > 0) {
    return [hint(words.hintSeeConversation, "Ctrl", "Enter"), hint(words.hintDecideLater, "Esc")];
  }
  if (run.value) {
    return [
      hint(words.hintOpenWindow, "Ctrl", "Enter"),
      ...(popup.canStop ? [hint(words.hintStop, "Ctrl", ".")] : []),
      hint(words.hintHideRunning, "Esc"),
    ];
  }
  if (!ready) return [...other, hint(words.hintHide, "Esc")];
  if (popup.shown.value.length > 0) {
    return [
      hint(words.hintNewChat, "Ctrl", "N"),
      hint(words.hintOpenWindow, "Ctrl", "Enter"),
      hint(words.hintHide, "Esc"),
    ];
  }
  return [
    ...(parts.agents.value.length > 1 ? [hint(words.hintAgent, "@")] : []),
    hint(words.hintCommands, "/"),
    ...(parts.sessions.value.length > 0 ? [hint(words.hintAllSessions, "Ctrl", "K")] : []),
    hint(words.hintHide, "Esc"),
  ];
}
