// The official OpenAI package against the bridge. Its folder is the first argument. Says done at its end.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const OpenAI = createRequire(join(process.argv[2], "here.js"))("openai").default;
const { BASE, TOKEN } = process.env;
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hello" },
  { role: "assistant", content: "Hello!" },
  { role: "user", content: "[[say:one two three four]] [[n:4]] [[d:150]]" },
];

for (const path of ["/v1", "/api/v1/openai"]) {
  const client = new OpenAI({ baseURL: BASE + path, apiKey: TOKEN, maxRetries: 0 });
  const models = await client.models.list();
  assert.ok(models.data.some((model) => model.id === "openclaw/main"));

  const stream = await client.chat.completions.create({
    model: "openclaw/main",
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const pieces = [];
  let finish, usage;
  for await (const chunk of stream) {
    assert.equal(chunk.object, "chat.completion.chunk");
    pieces.push(chunk.choices[0]?.delta.content ?? "");
    finish ??= chunk.choices[0]?.finish_reason;
    usage ??= chunk.usage;
  }
  assert.equal(pieces.join(""), "one two three four");
  assert.ok(pieces.filter((piece) => piece !== "").length > 1, "it comes in pieces");
  assert.equal(finish, "stop");
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  assert.ok(usage.completion_tokens > 0);

  const whole = await client.chat.completions.create({ model: "openclaw", messages: messages.slice(3) });
  assert.equal(whole.choices[0].message.content, "one two three four");
  // The gateway keeps nothing of it: their sessions go once the answers are out.
  const headers = { Authorization: `Bearer ${TOKEN}` };
  for (const end = Date.now() + 60_000; ; await pause(100)) {
    const rows = await (await fetch(`${BASE}/api/sessions?limit=500`, { headers })).json();
    const left = rows.filter((row) => row.key.includes("completion-"));
    if (left.length === 0) break;
    assert.ok(Date.now() < end, JSON.stringify(left));
  }

  const stranger = new OpenAI({ baseURL: BASE + path, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  const nobody = client.chat.completions.create({ model: "openclaw/nobody", messages });
  await assert.rejects(nobody, OpenAI.NotFoundError);
}
console.log("done");
