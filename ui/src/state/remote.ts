import { signal } from "@preact/signals";
import type { Request } from "../api/Request";
import type { UiError } from "../api/UiError";
import { asUiError } from "../host";
import type { Link } from "./session";

/** Something that the gateway is asked for when a panel shows it. A failure is shown in that panel and nowhere else. */
export class Remote<Value> {
  readonly value = signal<Value | undefined>(undefined);
  readonly failure = signal<UiError | undefined>(undefined);
  readonly loading = signal(false);
  #asked = 0;

  constructor(
    readonly link: Link,
    readonly request: (gateway: string) => Request,
    readonly read: (answer: unknown) => Value,
  ) {}

  /** Asks anew. An answer that is overtaken by a later question is dropped; what was there stays until then. */
  async load(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.loading.value = true;
    try {
      const answer = await this.link.host.request(this.request(this.link.gateway));
      if (asked !== this.#asked) return;
      this.value.value = this.read(answer);
      this.failure.value = undefined;
    } catch (error) {
      if (asked === this.#asked) this.failure.value = asUiError(error);
    } finally {
      if (asked === this.#asked) this.loading.value = false;
    }
  }

  /** Another gateway: what was there is not its word. */
  forget(): void {
    this.#asked += 1;
    this.value.value = undefined;
    this.failure.value = undefined;
    this.loading.value = false;
  }
}
