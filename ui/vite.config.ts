import { resolve } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const page = (name: string): string => resolve(import.meta.dirname, `${name}.html`);

/** What ships reaches the app through its own scheme alone: no code in it opens a connection. */
const noConnections: Plugin = {
  name: "no-connections",
  generateBundle(_options, bundle) {
    for (const [name, file] of Object.entries(bundle)) {
      if (file.type === "chunk" && /\bnew (?:WebSocket|EventSource|XMLHttpRequest)\b/.test(file.code)) {
        this.error(`${name} opens a connection of its own`);
      }
    }
  },
};

export default defineConfig(({ mode }) => ({
  plugins: mode === "production" ? [noConnections] : [],
  // Relative addresses: the same files are served by the app's own scheme and by a plain web server.
  base: "./",
  define: {
    __FAKE_HOST__: JSON.stringify(mode === "fake" || mode === "test"),
    __SOCKET_HOST__: JSON.stringify(mode === "fake" || mode === "host"),
  },
  build: {
    target: ["safari16", "chrome108"],
    modulePreload: { polyfill: false },
    // A data: address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { popup: page("popup"), browser: page("browser"), settings: page("settings") },
    },
  },
  test: {
    environment: "jsdom",
    // A busy machine must not decide a test.
    testTimeout: 120_000,
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
  },
}));
