import { batch, type Signal, signal } from "@preact/signals";
import type { Change } from "../api/Change";
import type { MessageView } from "../api/MessageView";
import type { SessionView } from "../api/SessionView";
import type { Update } from "../api/Update";
import type { Signal as HostSignal } from "../api/Signal";
import type { View } from "../api/View";
import { blankView } from "./blank";

/** A message without the two texts that grow while it streams. */
type MessageHead = Omit<MessageView, "text" | "thinking">;

/**
 * One message. The texts have signals of their own, so that a delta wakes the open tail of one bubble and nothing else.
 */
export interface MessageCell {
  readonly id: string;
  readonly head: Signal<MessageHead>;
  readonly text: Signal<string>;
  readonly thinking: Signal<string>;
}

/** The frame of the transcript: which messages, not what they say. */
export interface TranscriptFrame {
  gateway: string;
  session: string;
  order: readonly string[];
  hasOlder: boolean;
  loading: boolean;
}

type Parts = Omit<View, "transcript">;
type PartSignals = { readonly [Key in keyof Parts]: Signal<Parts[Key]> };

/** What happened to an update. A `gap` needs a new snapshot. */
export type Outcome = "applied" | "gap" | "ignored";

/**
 * Everything a window shows, as signals, folded from the host's updates. A window holds no truth of its own.
 */
export class Model {
  readonly parts: PartSignals;
  readonly transcript: Signal<TranscriptFrame>;
  readonly run: Signal<View["transcript"]["run"] | undefined>;
  /** False until the first snapshot. */
  readonly ready: Signal<boolean> = signal(false);
  readonly #cells = new Map<string, MessageCell>();
  /** Answers that arrived while the page was there, and that nobody has read out. */
  readonly #unheard = new Set<string>();
  readonly #listeners = new Set<(signal: HostSignal) => void>();
  #revision: number | undefined;

  constructor() {
    const { transcript, ...parts } = blankView();
    const signals: Record<string, Signal<unknown>> = {};
    for (const [key, value] of Object.entries(parts)) signals[key] = signal(value);
    this.parts = signals as unknown as PartSignals;
    this.transcript = signal({ gateway: "", session: "", order: [], hasOlder: false, loading: transcript.loading });
    this.run = signal(undefined);
  }

  cell(id: string): MessageCell | undefined {
    return this.#cells.get(id);
  }

  /** Takes an answer that is news, to read it out. True once; never for one that a snapshot or a look back brought. */
  hear(id: string): boolean {
    return this.#unheard.delete(id);
  }

  /** All messages in order; for copying and for tests, not for drawing. */
  messages(): MessageView[] {
    return this.transcript.value.order.flatMap((id) => {
      const cell = this.#cells.get(id);
      return cell ? [{ ...cell.head.value, text: cell.text.value, thinking: cell.thinking.value }] : [];
    });
  }

  onSignal(listener: (signal: HostSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Folds one update. After a `gap` nothing changes until the next snapshot. */
  apply(update: Update): Outcome {
    switch (update.type) {
      case "snapshot":
        this.#revision = update.revision;
        this.#replace(update.view);
        return "applied";
      case "patch": {
        if (this.#revision === undefined) return "ignored";
        if (update.revision <= this.#revision) return "ignored";
        if (update.revision !== this.#revision + 1) {
          this.#revision = undefined;
          return "gap";
        }
        this.#revision = update.revision;
        batch(() => {
          for (const change of update.changes) this.#change(change);
        });
        return "applied";
      }
      case "signal":
        for (const listener of this.#listeners) listener(update.signal);
        return "applied";
    }
  }

  #replace(view: View): void {
    batch(() => {
      const { transcript, ...parts } = view;
      for (const key of Object.keys(parts) as (keyof Parts)[]) {
        const target = this.parts[key] as Signal<unknown> | undefined;
        if (target) target.value = parts[key];
      }
      this.#show(transcript);
      this.ready.value = true;
    });
  }

  #show(transcript: View["transcript"]): void {
    const kept = new Set<string>();
    for (const message of transcript.messages) {
      kept.add(message.id);
      this.#put(message);
    }
    const order = [...kept];
    for (const id of [...this.#cells.keys()]) if (!kept.has(id)) this.#drop(id);
    const { gateway, session, hasOlder, loading } = transcript;
    this.transcript.value = { gateway, session, order, hasOlder, loading };
    this.run.value = transcript.run;
  }

  /** Writes a message into its cell. True when the cell is new. */
  #put(message: MessageView): boolean {
    const { text, thinking, ...head } = message;
    const cell = this.#cells.get(message.id);
    if (!cell) {
      this.#cells.set(message.id, {
        id: message.id,
        head: signal(head),
        text: signal(text),
        thinking: signal(thinking),
      });
      return true;
    }
    cell.head.value = head;
    cell.text.value = text;
    cell.thinking.value = thinking;
    return false;
  }

  #drop(id: string): boolean {
    this.#unheard.delete(id);
    return this.#cells.delete(id);
  }

  #change(change: Change): void {
    const { parts } = this;
    switch (change.type) {
      case "connection":
        parts.connection.value = change.connection;
        return;
      case "gateways":
        parts.gateways.value = change.gateways;
        return;
      case "found":
        parts.found.value = change.found;
        return;
      case "agents":
        parts.agents.value = change.agents;
        return;
      case "sessions":
        parts.sessions.value = mergeSessions(parts.sessions.value, change.upsert, change.remove);
        return;
      case "target":
        parts.target.value = change.target;
        return;
      case "transcript":
        this.#show(change.transcript);
        return;
      case "olderMessages": {
        const fresh = change.messages.filter((message) => this.#put(message)).map((message) => message.id);
        const frame = this.transcript.value;
        this.transcript.value = {
          ...frame,
          order: [...fresh, ...frame.order],
          hasOlder: change.hasOlder,
          loading: false,
        };
        return;
      }
      case "message":
        if (this.#put(change.message)) {
          if (change.message.role === "assistant") this.#unheard.add(change.message.id);
          const frame = this.transcript.value;
          this.transcript.value = { ...frame, order: [...frame.order, change.message.id] };
        }
        return;
      case "appendText": {
        const cell = this.#cells.get(change.id);
        if (cell) cell.text.value += change.text;
        return;
      }
      case "appendThinking": {
        const cell = this.#cells.get(change.id);
        if (cell) cell.thinking.value += change.text;
        return;
      }
      case "removeMessage": {
        if (!this.#drop(change.id)) return;
        const frame = this.transcript.value;
        this.transcript.value = { ...frame, order: frame.order.filter((id) => id !== change.id) };
        return;
      }
      case "run":
        this.run.value = change.run ?? undefined;
        return;
      case "outbox":
        parts.outbox.value = change.outbox;
        return;
      case "approvals":
        parts.approvals.value = change.approvals;
        return;
      case "questions":
        parts.questions.value = change.questions;
        return;
      case "notices":
        parts.notices.value = change.notices;
        return;
      case "settings":
        parts.settings.value = change.settings;
        return;
      case "hotkey":
        parts.hotkey.value = change.hotkey;
        return;
      case "bridge":
        parts.bridge.value = change.bridge;
        return;
      default:
        // A newer app may send changes this page does not know; they change nothing here.
        change satisfies never;
    }
  }
}

/** Most recent first; sessions of the same moment keep the order they had. */
export function mergeSessions(
  sessions: readonly SessionView[],
  upsert: readonly SessionView[],
  remove: readonly string[],
): SessionView[] {
  const gone = new Set(remove);
  const fresh = new Map(upsert.map((session) => [session.key, session]));
  const merged: SessionView[] = [];
  for (const session of sessions) {
    if (gone.has(session.key)) continue;
    merged.push(fresh.get(session.key) ?? session);
    fresh.delete(session.key);
  }
  for (const session of fresh.values()) if (!gone.has(session.key)) merged.push(session);
  return merged.sort((a, b) => b.updatedAtMs - a.updatedAtMs);
}
