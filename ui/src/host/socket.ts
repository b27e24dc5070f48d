import type { Request } from "../api/Request";
import type { UiError } from "../api/UiError";
import type { Update } from "../api/Update";
import { guessPlatform, type Host, type WindowName } from "./host";

type FromBridge = { id: number; ok?: unknown; error?: UiError } | { update: Update };

const RECONNECT_MS = 500;

/**
 * A plain browser against a test bridge at `/host` on the page's own origin. One JSON object a frame:
 *
 * - page → bridge: `{"subscribe": "<window>"}` (answered by a snapshot) and `{"id", "request"}`
 * - bridge → page: `{"id", "ok"}` or `{"id", "error"}`, and `{"update"}`
 */
export function socketHost(): Host {
  const address = new URL("/host", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: UiError) => void }>();
  const unsent: string[] = [];
  let subscriber: { window: WindowName; onUpdate: (update: Update) => void } | undefined;
  let socket: WebSocket | undefined;
  let nextId = 1;

  const send = (message: object): void => {
    const text = JSON.stringify(message);
    if (socket?.readyState === WebSocket.OPEN) socket.send(text);
    else unsent.push(text);
  };

  const open = (): void => {
    const opened = new WebSocket(address);
    socket = opened;
    opened.onopen = () => {
      if (subscriber) opened.send(JSON.stringify({ subscribe: subscriber.window }));
      for (const text of unsent.splice(0)) opened.send(text);
    };
    opened.onmessage = (event: MessageEvent<string>) => {
      const message = JSON.parse(event.data) as FromBridge;
      if ("update" in message) {
        subscriber?.onUpdate(message.update);
        return;
      }
      const entry = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) entry?.reject(message.error);
      else entry?.resolve(message.ok);
    };
    opened.onclose = () => {
      for (const entry of waiting.values()) entry.reject({ code: "not-connected", message: "The app is gone." });
      waiting.clear();
      setTimeout(open, RECONNECT_MS);
    };
  };
  open();

  return {
    surroundings: { compositor: true, platform: guessPlatform(), framed: false, captures: [] },
    capture: () => Promise.resolve(null),
    request(request: Request) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ id, request });
      });
    },
    subscribe(window, onUpdate) {
      subscriber = { window, onUpdate };
      // On a socket that is still opening, `onopen` subscribes.
      if (socket?.readyState === WebSocket.OPEN) send({ subscribe: window });
      return () => {
        if (subscriber?.onUpdate === onUpdate) subscriber = undefined;
      };
    },
  };
}
