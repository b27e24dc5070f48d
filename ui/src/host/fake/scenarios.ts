import type { ConnectionView } from "../../api/ConnectionView";
import type { View } from "../../api/View";
import { baseView, gateway, message, OTHER_GATEWAY, READY, session, tool } from "./parts";
import { ARM64, CODE } from "./texts";

const LUMEN = { gateway: "home", session: "s-lumen", title: "Lumen release notes", agent: "main", model: "anthropic/claude-opus-4-6", thinking: "high", draft: "" };
const DISK = { gateway: "home", session: "s-disk", title: "Clean up the staging disk", agent: "ops", model: "anthropic/claude-sonnet-4-6", draft: "" };
const NEWS = { gateway: "home", session: "s-news", title: "Newsletter numbers", agent: "scribe", model: "anthropic/claude-sonnet-4-6", draft: "" };

function with_(change: Partial<View>): View {
  return { ...baseView(), ...change };
}

function connected(word: ConnectionView["word"], more: Partial<ConnectionView>): Partial<View> {
  const connection: ConnectionView = { ...READY, word, ...more };
  return { connection, gateways: [gateway(connection), OTHER_GATEWAY()] };
}

function asked(text: string): View["transcript"]["messages"] {
  return [message("u1", "user", text, { atMs: Date.now() - 12_000 })];
}

const seconds = (count: number): number => Date.now() + count * 1000;

/** Every state the popup can be in, for tests, screenshots and design work. */
export const SCENARIOS: Record<string, () => View> = {
  empty: () => baseView(),
  new: () => with_({ sessions: [] }),
  compose: () => with_({ target: LUMEN, transcript: { gateway: "home", session: LUMEN.session, messages: [], hasOlder: false, loading: false } }),
  streaming: () => {
    const tools = [
      tool("t1", "read", "/srv/lumen/build.log", { durationMs: 300, output: "error: linker `lld` not found\n", arguments: '{\n  "path": "/srv/lumen/build.log"\n}' }),
      tool("t2", "exec", "cargo build --release --target aarch64-unknown-linux-gnu", { durationMs: 4900, output: Array.from({ length: 30 }, (_, line) => `   Compiling crate-${line} v0.1.0`).join("\n") }),
      tool("t3", "exec", "docker run --rm lumen-arm64 ld --version", { durationMs: 1200, output: "GNU ld 2.40" }),
    ];
    const [question] = asked("Why does the release build fail on arm64 only?");
    return with_({
      target: LUMEN,
      transcript: {
        gateway: "home",
        session: LUMEN.session,
        messages: [
          { ...question!, attachments: [{ name: "build.log", mimeType: "text/plain", bytes: 18_200 }] },
          message("a1", "assistant", ARM64, { state: "streaming", tools, run: "r1" }),
        ],
        hasOlder: true,
        loading: false,
        run: { id: "r1", phase: "replying", startedAtMs: Date.now() - 11_000 },
      },
    });
  },
  tool: () =>
    with_({
      target: LUMEN,
      transcript: {
        gateway: "home",
        session: LUMEN.session,
        messages: [
          ...asked("Does the suite pass?"),
          message("a1", "assistant", "", {
            state: "streaming",
            thinking: "The suite needs a display. I start a virtual one first.",
            tools: [tool("t1", "exec", "cargo test --workspace", { running: true, durationMs: undefined, startedAtMs: Date.now() - 4000 })],
          }),
        ],
        hasOlder: false,
        loading: false,
        run: { id: "r1", phase: "tool", tool: "exec", startedAtMs: Date.now() - 6000 },
      },
    }),
  done: () =>
    with_({
      target: NEWS,
      transcript: {
        gateway: "home",
        session: NEWS.session,
        messages: [
          message("u0", "user", "Did the last newsletter go out?", { atMs: Date.now() - 400_000 }),
          message("a0", "assistant", "Yes, on Monday at 9:00.", { atMs: Date.now() - 390_000, durationMs: 2100 }),
          ...asked("How many people opened the last newsletter?"),
          message("a1", "assistant", "**1,284 of 2,960** readers, or 43%. That is 6 points more than the one before; most opened it on Tuesday morning.", {
            tools: [tool("t1", "newsletter_stats", "last", { durationMs: 1100 })],
            durationMs: 3200,
          }),
        ],
        hasOlder: true,
        loading: false,
      },
    }),
  code: () =>
    with_({
      target: LUMEN,
      transcript: {
        gateway: "home",
        session: LUMEN.session,
        messages: [...asked("How should reconnecting wait?"), message("a1", "assistant", CODE, { durationMs: 8400, thinking: "Full jitter is the safe choice." })],
        hasOlder: false,
        loading: false,
      },
    }),
  approval: () =>
    with_({
      target: DISK,
      transcript: { gateway: "home", session: DISK.session, messages: [], hasOlder: false, loading: false, run: undefined },
      approvals: [
        {
          gateway: "home",
          id: "ap1",
          kind: "exec",
          title: 'docker system prune --all --force --filter "until=240h"',
          detail: "To free space before tonight's backup",
          facts: [
            { kind: "program", value: "/usr/bin/docker" },
            { kind: "folder", value: "/srv/lumen" },
            { kind: "host", value: "node" },
            { kind: "node", value: "staging-2" },
          ],
          session: DISK.session,
          sessionTitle: DISK.title,
          agent: "ops",
          allowed: ["allow-once", "allow-always", "deny"],
          createdAtMs: seconds(-43),
          expiresAtMs: seconds(102.5),
          resolving: false,
        },
      ],
    }),
  question: () =>
    with_({
      target: LUMEN,
      transcript: { gateway: "home", session: LUMEN.session, messages: [], hasOlder: false, loading: false },
      questions: [
        {
          gateway: "home",
          id: "q1",
          session: LUMEN.session,
          sessionTitle: LUMEN.title,
          agent: "main",
          questions: [
            {
              id: "channel",
              header: "Channel",
              question: "Where should the notes go first?",
              options: [
                { label: "Website", description: "the public page" },
                { label: "Newsletter", description: "2,960 readers" },
              ],
              multiple: false,
            },
          ],
          expiresAtMs: seconds(90),
        },
      ],
    }),
  offline: () =>
    with_({
      ...connected("offline", { sentence: "Home is not reachable.", nextStep: "try-now", retryAtMs: seconds(8.5) }),
      target: LUMEN,
      transcript: { gateway: "home", session: LUMEN.session, messages: [], hasOlder: false, loading: false },
      outbox: [
        {
          id: "o1",
          unsaved: false,
          session: LUMEN.session,
          text: "Remind me to send the signed contract to Ida before noon.",
          attachments: [],
          state: "queued",
          atMs: Date.now() - 20_000,
        },
      ],
    }),
  failed: () =>
    with_({
      target: LUMEN,
      transcript: {
        gateway: "home",
        session: LUMEN.session,
        messages: [message("o1", "user", "Summarise the meeting.", { state: "failed", error: "Home did not take the message." })],
        hasOlder: false,
        loading: false,
      },
    }),
  pairing: () =>
    with_(
      connected("pairing", {
        sentence: "Home must approve this device once.",
        nextStep: "approve-pairing",
        command: "openclaw devices approve 7f3a91c2",
      }),
    ),
  keychain: () => with_(connected("keychain-locked", { sentence: "The keychain is locked. Clawtray needs the keychain to sign in to Home.", nextStep: "unlock-keychain" })),
  "keychain-silent": () =>
    with_(connected("keychain-unreadable", { sentence: "The keychain does not respond. Clawtray needs the keychain to sign in to Home.", nextStep: "unlock-keychain" })),
  "sign-in": () => with_(connected("sign-in", { sentence: "This token is no longer valid.", nextStep: "sign-in" })),
  "rate-limited": () =>
    with_(connected("rate-limited", { sentence: "Too many requests or failed attempts. Home asks this device to wait.", nextStep: "none", retryAtMs: seconds(282) })),
  protocol: () =>
    with_(
      connected("protocol-mismatch", {
        sentence: "Home uses protocol 3. This version of Clawtray does not support it.",
        nextStep: "update-gateway",
        command: "openclaw update",
      }),
    ),
  certificate: () =>
    with_(
      connected("insecure", {
        sentence: "The gateway's certificate is not trusted.",
        nextStep: "trust-certificate",
        fingerprint: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      }),
    ),
  "first-run": () =>
    with_({
      connection: { ...READY, word: "none", gateway: "", nextStep: "add-gateway" },
      gateways: [],
      agents: [],
      sessions: [],
      target: { gateway: "", session: "", title: "", agent: "", draft: "" },
      found: [
        { id: "f1", name: "This computer", url: "ws://127.0.0.1:18789", source: "~/.openclaw/openclaw.json", hasToken: true, reachable: true },
        { id: "f2", name: "studio", url: "wss://studio.local:18789", source: "OPENCLAW_GATEWAY_URL", hasToken: false, reachable: false },
      ],
    }),
  "first-run-nothing": () =>
    with_({
      connection: { ...READY, word: "none", gateway: "", nextStep: "add-gateway" },
      gateways: [],
      agents: [],
      sessions: [],
      target: { gateway: "", session: "", title: "", agent: "", draft: "" },
    }),
  browser: () => {
    const day = 86_400_000;
    const calls = [
      tool("t1", "read", "docs/RELEASE-2.4.md", { durationMs: 200, arguments: '{\n  "path": "docs/RELEASE-2.4.md"\n}', output: "# Lumen 2.4" }),
      tool("t2", "exec", "git log --oneline draft-2.4..main", { durationMs: 400, output: "8c1f0e2 Name the linker per target (#412)\n41d77ab Retry uploads after a network change (#409)" }),
    ];
    const base = baseView();
    return {
      ...base,
      gateways: [gateway(READY), { ...OTHER_GATEWAY(), unread: 2 }],
      sessions: base.sessions.map((entry, index) => ({ ...entry, costUsd: 0.4 * index, tokens: entry.key === "s-disk" ? 176_000 : entry.tokens })),
      target: LUMEN,
      transcript: {
        gateway: "home",
        session: LUMEN.session,
        messages: [
          message("b1", "user", "Where is the draft?", { atMs: Date.now() - day - 60_000 }),
          message("b2", "assistant", "The draft is in `docs/RELEASE-2.4.md`. It still lacks the arm64 fix, which is not merged.", { atMs: Date.now() - day, durationMs: 1800 }),
          message("b3", "user", "The arm64 fix is merged. Add it and tell me what else changed since the draft.", { atMs: Date.now() - 120_000, via: "telegram" }),
          message("b4", "assistant", "Added. Besides [#412](https://code.example/412) there are two changes since the draft:\n\n- **Uploads** are tried again after a network change.\n- An **empty playlist** no longer crashes the player.", {
            attachments: [{ name: "sunset.png", mimeType: "image/png", bytes: 18_200 }],
            atMs: Date.now() - 60_000, thinking: "First the draft, then the log.", tools: calls, durationMs: 6400,
          }),
        ],
        hasOlder: true,
        loading: false,
      },
    };
  },
  many: () => ({
    ...baseView(),
    sessions: Array.from({ length: 10_000 }, (_, index) => session(`n${index}`, `Session number ${index}`, index % 2 === 0 ? "main" : "ops", index * 7 + 2)),
  }),
  notice: () =>
    with_({
      notices: [
        { id: "hotkey-taken", sentence: "Another program uses Ctrl+Shift+Space.", hint: "Choose other keys in Settings." },
        { id: "no-tray-host", sentence: "This desktop shows no tray icons.", hint: "To open this window, start Clawtray again or press the hotkey." },
      ],
    }),
};
