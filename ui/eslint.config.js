import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["dist", "dist-fake", "dist-host", "test-results"]),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ["*.js"] }, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // `() => save()` is how handlers are written here.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidOperator: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // What the app rejects with, and so what its stand-in throws.
      "@typescript-eslint/only-throw-error": ["error", { allow: [{ from: "file", name: "UiError" }] }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
      // Looking for control characters is what these patterns are for.
      "no-control-regex": "off",
      "no-misleading-character-class": "off",
      // `void` in front of a promise says that nobody waits for it; in front of a signal, that it is read to subscribe to it.
      "@typescript-eslint/no-meaningless-void-operator": "off",
    },
  },
  {
    files: ["**/*.test.ts", "**/*.test.tsx", "e2e/**", "e2e-host/**", "src/host/fake/**"],
    rules: {
      // A test that is wrong about what is there fails, and that is what it is for.
      "@typescript-eslint/no-non-null-assertion": "off",
      // A text letter by letter, and what a page keeps.
      "@typescript-eslint/no-misused-spread": "off",
      // A fixture without a value is a `void` for Playwright.
      "@typescript-eslint/no-invalid-void-type": "off",
    },
  },
  { files: ["**/*.js"], extends: [tseslint.configs.disableTypeChecked] },
);
