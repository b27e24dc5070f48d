import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

const page = (name: string): string => resolve(import.meta.dirname, `${name}.html`);

export default defineConfig(({ mode }) => ({
  // Relative addresses: the same files are served by the app's own scheme and by a plain web server.
  base: "./",
  define: { __FAKE_HOST__: JSON.stringify(mode === "fake" || mode === "test") },
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
