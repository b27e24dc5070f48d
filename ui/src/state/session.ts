import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Request } from "../api/Request";
import type { SessionRef } from "../api/SessionRef";
import type { UiError } from "../api/UiError";
import { asUiError, type Host, type WindowName } from "../host";
import { signal, type Signal } from "@preact/signals";
import { Model } from "./model";

/** A window's link to the app: the model it draws and the requests it makes. */
export class Link {
  readonly model = new Model();
  /** The last request that failed, until the next one or until it is dismissed. */
  readonly failure: Signal<UiError | undefined> = signal(undefined);
  #unsubscribe: (() => void) | undefined;

  constructor(
    readonly host: Host,
    readonly window: WindowName,
  ) {}

  open(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = this.host.subscribe(this.window, (update) => {
      if (this.model.apply(update) === "gap") this.open();
    });
  }

  close(): void {
    this.#unsubscribe?.();
  }

  /** The gateway that the window shows: what it shows belongs to it. Empty before there is one. */
  get gateway(): string {
    return this.model.parts.target.peek().gateway;
  }

  /** The session that prompts go to, as the window shows it now. */
  get here(): SessionRef {
    const { gateway, session } = this.model.parts.target.peek();
    return { gateway, session };
  }

  /** The session whose messages the window shows now. */
  get read(): SessionRef {
    const { gateway, session } = this.model.transcript.peek();
    return { gateway, session };
  }

  /** A session of the gateway that the window shows, by its key. */
  session(key: string): SessionRef {
    return { gateway: this.gateway, session: key };
  }

  /** Asks, and shows the failure in the window. Resolves to `undefined` when it failed. */
  async ask<Answer = unknown>(request: Request): Promise<Answer | undefined> {
    try {
      const answer = (await this.host.request(request)) as Answer;
      this.failure.value = undefined;
      return answer;
    } catch (error) {
      this.failure.value = asUiError(error);
      return undefined;
    }
  }

  /** Asks for something whose failure nobody has to see (a draft, a size). */
  tell(request: Request): void {
    this.host.request(request).catch(() => undefined);
  }
}

export const sameSession = (a: SessionRef, b: SessionRef): boolean => a.gateway === b.gateway && a.session === b.session;

const LinkContext = createContext<Link | undefined>(undefined);
export const LinkProvider = LinkContext.Provider;

export function useLink(): Link {
  const link = useContext(LinkContext);
  if (!link) throw new Error("useLink outside of a window");
  return link;
}

export function useModel(): Model {
  return useLink().model;
}
