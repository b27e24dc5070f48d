import corpus from "./payloads.json";

/**
 * What people have tried to get past Markdown renderers and sanitisers. All of it must come out harmless. The tests in a
 * desktop session read the same file: there, `evil.example` becomes an address that listens.
 */
export const PAYLOADS: readonly string[] = Object.values(corpus).flatMap(({ frames, payloads }) =>
  payloads.flatMap((payload) => frames.map((frame) => frame.split("%").join(payload))),
);
