import { computed, effect, signal } from "@preact/signals";
import type { Request } from "../api/Request";
import type { SessionRef } from "../api/SessionRef";
import { asUiError, type CaptureKind } from "../host";
import { locale, t } from "../strings";
import { asInput, type Attachment, forget, readCaptured, readFile, refusal } from "../text/attachments";
import { type Link, sameSession } from "./session";

const DRAFT_DELAY_MS = 400;
const HISTORY_LENGTH = 50;

/**
 * What is being written: text, files, earlier prompts, and the draft that outlives the window.
 * The popup and the browser window each have one.
 */
export class Composer {
  readonly text = signal("");
  readonly attachments = signal<Attachment[]>([]);
  /** Why the last file was not taken. */
  readonly refused = signal<string | undefined>(undefined);
  readonly canSend = computed(() => this.text.value.trim() !== "" || this.attachments.value.length > 0);
  /** Set by the view: puts the caret at the end after the text changed from outside. */
  focus: () => void = () => undefined;

  /** What is written is meant for it. The same session keys exist on other gateways. */
  #place: SessionRef = { gateway: "", session: "" };
  #savedDraft = "";
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  #history: string[] | undefined;
  #historyAt = -1;
  /** What was written before ↑ was pressed. */
  #unsent = "";

  constructor(readonly link: Link) {}

  /** Follows the target: another session brings its own draft. Returns the undo. */
  start(): () => void {
    const stop = effect(() => {
      const { gateway, session, draft } = this.link.model.parts.target.value;
      const place = { gateway, session };
      const there = sameSession(place, this.#place);
      if (!there && this.#moving && gateway === this.#place.gateway) {
        // What is written goes along, whenever the other session comes.
        this.#moving = false;
        if (this.#savedDraft !== "") this.link.tell({ type: "saveDraft", session: this.#place, text: "" });
        this.#place = place;
        this.#savedDraft = draft;
        this.type(this.text.peek());
      } else if (!there) {
        this.flushDraft();
        this.#moving = false;
        if (gateway !== this.#place.gateway) this.#history = undefined;
        this.#place = place;
        this.#savedDraft = draft;
        // Words typed before the first snapshot stay.
        if (draft !== "" || this.#moved) this.#put(draft);
        this.#moved = true;
      } else if (draft !== this.#savedDraft) {
        // A prompt taken back from the outbox comes home as a draft.
        const empty = this.text.peek() === "" || this.text.peek() === this.#savedDraft;
        this.#savedDraft = draft;
        if (empty) this.#put(draft);
      }
    });
    return () => {
      stop();
      this.flushDraft();
    };
  }
  #moved = false;
  #moving = false;

  /** What is written goes along to the session that is chosen next. Called off when there is none. */
  move(text: string): () => void {
    clearTimeout(this.#draftTimer);
    this.#put(text);
    this.#moving = true;
    return () => {
      this.#moving = false;
    };
  }

  #put(text: string): void {
    this.text.value = text;
    this.#historyAt = -1;
  }

  /** The user typed. */
  type(text: string): void {
    this.#put(text);
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => this.flushDraft(), DRAFT_DELAY_MS);
  }

  /** Text from elsewhere (edit, quote, prefill) with the caret behind it. */
  write(text: string): void {
    this.type(text);
    this.focus();
  }

  /** Text that a link or a prompt taken back offers to a session: below what is written there, which stays. */
  offer(place: SessionRef, text: string): void {
    if (!sameSession(place, this.#place)) return;
    const before = this.text.peek().trimEnd();
    this.write(before === "" ? text : `${before}\n\n${text}`);
  }

  /** Adds quoted lines above what is being written. */
  quote(text: string): void {
    const quoted = text
      .trim()
      .split("\n")
      .map((line) => (line === "" ? ">" : `> ${line}`))
      .join("\n");
    const before = this.text.value.trim();
    this.write(`${before === "" ? "" : `${before}\n\n`}${quoted}\n\n`);
  }

  /** Stores the draft now, when it changed. */
  flushDraft(): void {
    clearTimeout(this.#draftTimer);
    this.#draftTimer = undefined;
    const text = this.text.peek();
    if (this.#place.session === "" || text === this.#savedDraft || this.#historyAt >= 0) return;
    this.#savedDraft = text;
    this.link.tell({ type: "saveDraft", session: this.#place, text });
  }

  /** An earlier (1) or later (-1) prompt. False when there is none. */
  async recall(step: 1 | -1): Promise<boolean> {
    if (step < 0 && this.#historyAt < 0) return false;
    if (!this.#history || this.#historyAt < 0) {
      const place = this.#place;
      const answer = await this.link.ask<string[]>({ type: "promptHistory", gateway: place.gateway, limit: HISTORY_LENGTH });
      if (!sameSession(place, this.#place)) return false;
      this.#history = Array.isArray(answer) ? answer : [];
      if (this.#historyAt < 0) this.#unsent = this.text.value;
    }
    const next = this.#historyAt + step;
    const recalled = next < 0 ? this.#unsent : this.#history[next];
    if (recalled === undefined) return false;
    this.text.value = recalled;
    this.#historyAt = next;
    this.focus();
    return true;
  }

  get recalling(): boolean {
    return this.#historyAt >= 0;
  }

  /** Takes files, or says why not. */
  async attach(files: readonly File[], pasted = false): Promise<void> {
    const { capabilities, gateway } = this.link.model.parts.connection.value;
    this.refused.value = undefined;
    for (const file of files) {
      const name = pasted && /^image\.\w+$/.test(file.name) ? `${t().pastedImage}${file.name.slice(5)}` : file.name;
      const already = this.attachments.value.reduce((sum, attachment) => sum + attachment.size, 0);
      const why = refusal({ name, type: file.type, size: file.size }, already, capabilities, gateway, t(), locale());
      if (why !== undefined) {
        this.refused.value = why;
        continue;
      }
      try {
        const attachment = await readFile(file, name);
        this.attachments.value = [...this.attachments.value, attachment];
      } catch {
        this.refused.value = t().unreadableFile(name);
      }
    }
    this.focus();
  }

  /** Attaches what the desktop has, because the person chose it. It is seen and can be taken off before it is sent. */
  async capture(kind: CaptureKind): Promise<void> {
    this.refused.value = undefined;
    const words = t();
    const names: Record<CaptureKind, string> = { clipboard: words.fromClipboard, selection: words.fromSelection, screenshot: words.screenshot };
    try {
      const captured = await this.link.host.capture(kind);
      if (captured === null) {
        // A screenshot that was called off needs no word.
        if (kind !== "screenshot") this.refused.value = words.nothingToAttach;
      } else {
        this.#add(await readCaptured(captured, names[kind]));
      }
    } catch (error) {
      const { message, hint } = asUiError(error);
      this.refused.value = [message, hint].filter(Boolean).join(" ");
    }
    // The desktop's dialog took the focus, and with it perhaps the window.
    if (kind === "screenshot") this.link.tell({ type: "showWindow", window: this.link.window });
    this.focus();
  }

  /** Keeps what the gateway takes, and says why it does not take the rest. */
  #add(attachment: Attachment): void {
    const { capabilities, gateway } = this.link.model.parts.connection.value;
    const { name, mimeType: type, size } = attachment;
    const already = this.attachments.value.reduce((sum, other) => sum + other.size, 0);
    const why = refusal({ name, type, size }, already, capabilities, gateway, t(), locale());
    if (why === undefined) {
      this.attachments.value = [...this.attachments.value, attachment];
    } else {
      forget(attachment);
      this.refused.value = why;
    }
  }

  removeAttachment(id: number): void {
    const { value } = this.attachments;
    for (const attachment of value) if (attachment.id === id) forget(attachment);
    this.attachments.value = value.filter((attachment) => attachment.id !== id);
    this.refused.value = undefined;
    this.focus();
  }

  /** Hands the prompt to the app. The text leaves at once and comes back if the app refuses it. */
  async send(): Promise<boolean> {
    if (!this.canSend.value) return false;
    const text = this.text.value.trim();
    const attachments = this.attachments.value;
    const place = this.#place;
    const request: Request = { type: "sendMessage", text };
    if (place.session !== "") request.session = place;
    else if (place.gateway !== "") request.gateway = place.gateway;
    if (attachments.length > 0) request.attachments = attachments.map(asInput);
    this.#clear();
    const answer = await this.link.ask(request);
    if (this.link.failure.value !== undefined && answer === undefined) {
      if (!sameSession(place, this.#place)) {
        // Another session is shown by now: the text waits where it was written.
        if (place.session !== "") this.link.tell({ type: "saveDraft", session: place, text });
      } else if (this.text.value === "") this.write(text);
      if (this.attachments.value.length === 0) this.attachments.value = attachments;
      return false;
    }
    for (const attachment of attachments) forget(attachment);
    return true;
  }

  #clear(): void {
    this.#put("");
    this.attachments.value = [];
    this.refused.value = undefined;
    this.#history = undefined;
    this.flushDraft();
  }

  /** Empties the composer after its text went elsewhere. */
  clear(): void {
    for (const attachment of this.attachments.value) forget(attachment);
    this.#clear();
  }
}
