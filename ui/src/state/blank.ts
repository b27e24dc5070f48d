import type { CapabilitiesView } from "../api/CapabilitiesView";
import type { Settings } from "../api/Settings";
import type { View } from "../api/View";

/** What a window shows before its first snapshot: nothing that claims anything. */
const NO_CAPABILITIES: CapabilitiesView = {
  streaming: false,
  abort: false,
  push: false,
  history: false,
  sessions: false,
  manageSessions: false,
  approvals: false,
  attachments: false,
  native: false,
  maxAttachmentBytes: 0,
  maxImageBytes: 0,
};

export const DEFAULT_SETTINGS: Settings = {
  version: 1,
  hotkey: "Ctrl+Shift+Space",
  theme: "system",
  language: "system",
  hideOnBlur: true,
  popupPinned: false,
  sendKey: "enter",
  autostart: false,
  startHidden: true,
  keepWarmMinutes: 3,
  notifications: {
    enabled: true,
    replies: true,
    approvals: true,
    questions: true,
    failures: true,
    gateway: true,
    pairing: true,
    cron: true,
    privacy: "full",
    quietFrom: "",
    quietTo: "",
    mutedSessions: [],
  },
  cacheMegabytes: 512,
  pollSeconds: 60,
  bridge: false,
  bridgePort: 18790,
};

export function blankView(): View {
  return {
    connection: {
      word: "connecting",
      gateway: "",
      sentence: "",
      language: "",
      nextStep: "none",
      wantsPassword: false,
      capabilities: NO_CAPABILITIES,
    },
    gateways: [],
    found: [],
    agents: [],
    sessions: [],
    target: { gateway: "", session: "", title: "", agent: "", draft: "" },
    transcript: { gateway: "", session: "", messages: [], hasOlder: false, loading: false },
    outbox: [],
    approvals: [],
    questions: [],
    notices: [],
    settings: DEFAULT_SETTINGS,
    hotkey: { state: "off", keys: "", sentence: "" },
    bridge: { state: "off", url: "", sentence: "" },
    version: "",
  };
}
