import type { AgentView } from "../../api/AgentView";
import type { CapabilitiesView } from "../../api/CapabilitiesView";
import type { CommandView } from "../../api/CommandView";
import type { ConnectionView } from "../../api/ConnectionView";
import type { GatewayView } from "../../api/GatewayView";
import type { MessageView } from "../../api/MessageView";
import type { ModelView } from "../../api/ModelView";
import type { SessionView } from "../../api/SessionView";
import type { ToolView } from "../../api/ToolView";
import type { View } from "../../api/View";
import { blankView, DEFAULT_SETTINGS } from "../../state/blank";

const ALL_CAPABILITIES: CapabilitiesView = {
  streaming: true,
  abort: true,
  push: true,
  history: true,
  sessions: true,
  manageSessions: true,
  approvals: true,
  attachments: true,
  native: true,
  maxAttachmentBytes: 20_000_000,
  maxImageBytes: 6_000_000,
};

export const READY: ConnectionView = {
  word: "ready",
  gateway: "Home",
  sentence: "",
  language: "en",
  nextStep: "none",
  wantsPassword: false,
  version: "2026.11.2",
  latencyMs: 4,
  capabilities: ALL_CAPABILITIES,
};

const AGENTS: AgentView[] = [
  { id: "main", name: "Main", model: "anthropic/claude-opus-4-6", isDefault: true },
  { id: "ops", name: "Ops", model: "anthropic/claude-sonnet-4-6", isDefault: false },
  { id: "scribe", name: "Scribe", model: "anthropic/claude-sonnet-4-6", isDefault: false },
  { id: "house", name: "House", isDefault: false },
];

export const MODELS: ModelView[] = [
  { id: "anthropic/claude-opus-4-6", name: "Opus 4.6", thinkingLevels: ["off", "low", "medium", "high"] },
  { id: "anthropic/claude-sonnet-4-6", name: "Sonnet 4.6", thinkingLevels: ["off", "low", "high"] },
  { id: "ollama/qwen3:8b", name: "Qwen 3 8B", thinkingLevels: [] },
];

export const COMMANDS: CommandView[] = [
  { name: "/compact", description: "Shorten the context of this session", arguments: "" },
  { name: "/context", description: "What the agent sees right now", arguments: "" },
  { name: "/cost", description: "Tokens and money of this session", arguments: "" },
  { name: "/model", description: "Choose another model", arguments: "<name>" },
  { name: "/new", description: "Start over", arguments: "" },
  { name: "/status", description: "How the agent is doing", arguments: "" },
];

const MINUTE = 60_000;

export function session(key: string, title: string, agent: string, minutesAgo: number, more: Partial<SessionView> = {}): SessionView {
  return {
    key,
    title,
    agent,
    channel: "",
    preview: "",
    updatedAtMs: Date.now() - minutesAgo * MINUTE,
    unread: false,
    running: false,
    needsApproval: false,
    failed: false,
    pinned: false,
    archived: false,
    muted: false,
    background: false,
    tokens: 42_000,
    contextTokens: 200_000,
    ...more,
  };
}

const SESSIONS = (): SessionView[] => [
  session("s-lumen", "Lumen release notes", "main", 3, {
    preview: "I checked the second one in a clean container; the build passes.",
    pinned: true,
    model: "anthropic/claude-opus-4-6",
    thinking: "high",
    tokens: 118_000,
  }),
  session("s-disk", "Clean up the staging disk", "ops", 8, { needsApproval: true, preview: "docker system prune" }),
  session("s-digest", "Weekly digest for the team", "scribe", 12, { running: true, channel: "email", preview: "Collecting merged work" }),
  session("s-lights", "Lights at sunset", "house", 200, { unread: true, channel: "telegram", preview: "Done, they come on at 16:20." }),
  session("s-lisbon", "Trip to Lisbon in March", "main", 60 * 26, { channel: "whatsapp", preview: "Two trains fit, the later one is cheaper.", tokens: 171_000 }),
  session("s-news", "Newsletter numbers", "scribe", 60 * 50, { preview: "1,284 of 2,960 readers, or 43%." }),
];

export function message(id: string, role: MessageView["role"], text: string, more: Partial<MessageView> = {}): MessageView {
  return { id, role, state: "done", text, thinking: "", tools: [], attachments: [], atMs: Date.now() - MINUTE, ...more };
}

export function tool(id: string, name: string, summary: string, more: Partial<ToolView> = {}): ToolView {
  return {
    id,
    name,
    summary,
    arguments: "",
    output: "",
    running: false,
    failed: false,
    startedAtMs: Date.now() - 9000,
    durationMs: 1200,
    ...more,
  };
}

export function gateway(connection: ConnectionView, more: Partial<GatewayView> = {}): GatewayView {
  return {
    id: "home",
    name: connection.gateway || "Home",
    url: "ws://127.0.0.1:18789",
    active: true,
    embedded: false,
    dialect: "auto",
    connection,
    unread: 0,
    needsYou: 0,
    fullControl: false,
    ...more,
  };
}

export const OTHER_GATEWAY = (): GatewayView =>
  gateway({ ...READY, gateway: "Ops" }, { id: "ops-gw", name: "Ops", active: false, url: "wss://gw.example.org" });

/** A popup that is connected, with nothing asked yet. */
export function baseView(): View {
  return {
    ...blankView(),
    connection: READY,
    gateways: [gateway(READY)],
    agents: AGENTS,
    sessions: SESSIONS(),
    target: {
      gateway: "home",
      session: "s-new",
      title: "New session",
      agent: "main",
      model: "anthropic/claude-opus-4-6",
      thinking: "high",
      draft: "",
    },
    transcript: { gateway: "home", session: "s-new", messages: [], hasOlder: false, loading: false },
    settings: { ...DEFAULT_SETTINGS },
    hotkey: { state: "active", keys: "Ctrl+Shift+Space", sentence: "" },
    bridge: { state: "off", url: "", sentence: "" },
    version: "0.1.0",
  };
}
