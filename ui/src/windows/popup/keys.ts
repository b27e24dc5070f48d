import { isComposing } from "../../components/ComposerField";
import { copyText } from "../../text/clipboard";
import type { Popup } from "./state";

const IS_MAC = typeof navigator !== "undefined" && /Mac OS X/.test(navigator.userAgent);

/** The keys of the popup. True when the key was taken. */
export function onKey(event: KeyboardEvent, popup: Popup): boolean {
  if (isComposing(event)) return false;
  const command = IS_MAC ? event.metaKey : event.ctrlKey;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "Escape") {
    escape(popup);
    return true;
  }
  if (event.altKey && !command && decideByKey(event, popup)) return true;
  if (command && !event.altKey && commandKey(event, popup)) return true;
  if (!inPrompt(event)) return false;
  if (listKey(event, popup, plain)) return true;
  if (event.key === "Enter") return enterKey(event, popup, command, plain);
  if (event.key === "ArrowUp" && plain) {
    if (popup.composer.text.value !== "" && !popup.composer.recalling) return false;
    void popup.composer.recall(1);
    return true;
  }
  if (event.key === "ArrowDown" && plain && popup.composer.recalling) {
    void popup.composer.recall(-1);
    return true;
  }
  return false;
}

/** Esc closes the innermost thing; only when nothing is open it hides the popup. It never stops a run. */
function escape(popup: Popup): void {
  if (popup.confirming.value !== undefined) popup.confirming.value = undefined;
  else if (!popup.close()) popup.hide();
}

/** Approvals are never on Enter: Alt A approves the first one once, Alt D denies it. */
function decideByKey(event: KeyboardEvent, popup: Popup): boolean {
  const approval = popup.link.model.parts.approvals.value.find((waiting) => !waiting.resolving);
  if (!approval || event.repeat) return false;
  const expired = approval.expiresAtMs !== undefined && approval.expiresAtMs <= Date.now();
  const decision = event.code === "KeyA" ? "allow-once" : event.code === "KeyD" ? "deny" : undefined;
  if (decision === undefined || expired || !approval.allowed.includes(decision)) return false;
  popup.decide(approval, decision);
  return true;
}

function commandKey(event: KeyboardEvent, popup: Popup): boolean {
  if (event.shiftKey) {
    const reply = popup.lastReplyText();
    if (event.key.toLowerCase() !== "c" || reply === undefined) return false;
    void copyText(reply);
    return true;
  }
  if (event.key === "Enter") {
    if (popup.screen.value !== "chat") return false;
    if (popup.link.model.parts.settings.value.sendKey === "ctrl-enter" && popup.composer.canSend.value) void popup.send();
    else void popup.openWindow();
    return true;
  }
  switch (event.key.toLowerCase()) {
    case ".":
      popup.stop();
      return true;
    case "n":
      popup.newChat();
      return true;
    case "k":
      popup.open("sessions");
      return true;
    case "m":
      popup.open("models");
      return true;
    case "g":
      popup.open("gateways");
      return true;
    case "u":
      if (popup.link.model.parts.connection.value.capabilities.attachments) popup.attach();
      return true;
    case "c": {
      // With nothing selected, the command to run on the gateway is what one wants to copy.
      const { command } = popup.link.model.parts.connection.value;
      if (popup.screen.value !== "pairing" || command === undefined || String(getSelection()) !== "") return false;
      document.querySelector<HTMLElement>("[data-copy-button]")?.click();
      return true;
    }
    default:
      return false;
  }
}

/** Lists are walked from the prompt or from their own field. */
function inPrompt(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLElement && event.target.matches(".prompt, .filter");
}

function listKey(event: KeyboardEvent, popup: Popup, plain: boolean): boolean {
  const list = popup.list.value;
  if (!list || !plain || list.rows.length === 0) return false;
  const last = list.rows.length - 1;
  const at = Math.min(popup.selected.value, last);
  const row = list.rows[at];
  switch (event.key) {
    case "ArrowDown":
      popup.selected.value = at === last ? 0 : at + 1;
      return true;
    case "ArrowUp":
      // In the empty popup ↑ from the first row goes to the last prompts.
      if (at === 0 && list.id === "recent") return false;
      popup.selected.value = at === 0 ? last : at - 1;
      return true;
    case "Home":
    case "End":
      if (popup.composer.text.value !== "" && popup.picker.value === undefined) return false;
      popup.selected.value = event.key === "Home" ? 0 : last;
      return true;
    case "Tab":
      if (!row?.insert) return false;
      row.insert();
      return true;
    case "Enter":
      row?.choose();
      return true;
    default:
      return false;
  }
}

function enterKey(event: KeyboardEvent, popup: Popup, command: boolean, plain: boolean): boolean {
  if (command || event.shiftKey) return false;
  if (event.altKey) {
    if (!popup.composer.canSend.value) return false;
    popup.open("background");
    return true;
  }
  if (!plain) return false;
  if (popup.link.model.parts.settings.value.sendKey === "ctrl-enter") return false;
  // A held key sends once.
  if (!event.repeat && popup.picker.value === undefined) void popup.send();
  return true;
}
