// The calls of the five write-ups with Node's fetch and WebSocket. Says done at its end.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

const { BASE, TOKEN, KEY, CLAWCTL } = process.env;

async function call(method, path, body, token = TOKEN) {
  const response = await fetch(BASE + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(120_000),
  });
  for (const name of ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"])
    assert.match(response.headers.get(name) ?? "", /^\d+$/, name);
  return response;
}

async function ok(method, path, body, token) {
  const response = await call(method, path, body, token);
  const text = await response.text();
  assert.equal(response.status, 200, `${path}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

const get = (path, token) => ok("GET", path, undefined, token);
const post = (path, body, token) => ok("POST", path, body, token);
const remove = (path, token) => ok("DELETE", path, undefined, token);

async function streamed(path, body, token) {
  const response = await call("POST", path, body, token);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("Content-Type"), /^text\/event-stream/);
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) text += piece;
  return text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
}

const events = async (...args) => (await streamed(...args)).map((line) => JSON.parse(line));

function exchange(history, answered) {
  assert.deepEqual(history.map((message) => message.role), ["user", "assistant"]);
  assert.equal(history[1].content, answered);
  for (const message of history) assert.ok(Date.parse(message.timestamp) > Date.now() - 3_600_000, message.timestamp);
}

/** The gateway's own method runs it; the dialect tells how it went; then it is deleted. */
async function jobRuns(job) {
  execFileSync(CLAWCTL, ["--full-control", "call", "cron.run", JSON.stringify({ id: job.id, mode: "force" })]);
  const end = Date.now() + 120_000;
  let found;
  for (;;) {
    found = (await get("/api/cron")).find((row) => row.id === job.id);
    if (found.lastStatus) break;
    assert.ok(Date.now() < end, "the job did not end");
    await pause(100);
  }
  assert.equal(found.lastStatus, "ok", JSON.stringify(found));
  await remove(`/api/cron/${job.id}`);
  assert.ok((await get("/api/cron")).every((row) => row.id !== job.id));
}

async function d1() {
  assert.equal((await fetch(`${BASE}/api/health`)).status, 200);
  const answer = await post("/api/sessions/send", { sessionKey: "node-d1", message: "[[say:One.]] node d1" });
  assert.equal(answer.response, "One.");
  const rows = await get("/api/sessions?activeMinutes=60&limit=100");
  const row = rows.find((found) => found.key === "agent:main:node-d1");
  assert.deepEqual([row.messageCount, row.status, row.agentId], [2, "active", "main"]);
  exchange(await get(`/api/sessions/history?sessionKey=${row.id}&limit=20&includeTools=false`), "One.");
  assert.equal((await call("GET", "/api/sessions", undefined, "wrong")).status, 401);
}

async function d2() {
  const sent = { sessionKey: "node-d2", message: "[[say:Two.]] node d2", timeoutSeconds: 120 };
  const answer = await post("/api/sessions/send", sent);
  assert.deepEqual([answer.status, answer.reply], ["ok", "Two."]);
  const task = { task: "[[say:Spawned.]]", runTimeoutSeconds: 300 };
  assert.equal((await post("/api/sessions/spawn", task)).reply, "Spawned.");
  const rows = await get("/api/sessions/list?kinds=isolated&limit=100&messageLimit=2");
  exchange(rows.find((row) => row.sessionKey === "agent:main:node-d2").messages, "Two.");
  assert.ok((await get("/api/session/status?sessionKey=node-d2")).usage.outputTokens > 0);
  const job = {
    name: "node-d2",
    schedule: { kind: "cron", expr: "0 9 * * *", tz: "America/New_York" },
    payload: { kind: "agentTurn", message: "[[say:Ran.]] node d2 job" },
    sessionTarget: "isolated",
  };
  await jobRuns(await post("/api/cron/add", { job }));
}

/** One prompt over D3's socket: its frames, the last of which has `done`. */
function socket(session, content) {
  const socket = new WebSocket(`${BASE.replace("http", "ws")}/ws?token=${encodeURIComponent(TOKEN)}`);
  const frames = [];
  return new Promise((resolve, reject) => {
    socket.onerror = (error) => reject(new Error(error.message ?? "the socket failed"));
    socket.onclose = () => reject(new Error(`closed after ${JSON.stringify(frames)}`));
    socket.onopen = () => socket.send(JSON.stringify({ type: "message", session, content }));
    socket.onmessage = ({ data }) => {
      frames.push(JSON.parse(data));
      if (!frames.at(-1).done) return;
      socket.onclose = null;
      socket.close();
      resolve(frames);
    };
  });
}

async function d3() {
  assert.equal((await get("/api/status")).ok, true);
  const { sessionKey } = await post("/api/sessions", { label: "Node", target: "isolated" });
  const path = `/api/sessions/${encodeURIComponent(sessionKey)}`;
  const answer = await post(`${path}/messages`, { message: "[[say:Three.]] node d3" });
  assert.deepEqual([answer.response, answer.sessionKey], ["Three.", sessionKey]);
  exchange(await get(`${path}/history?limit=20`), "Three.");
  assert.ok((await get("/api/sessions")).some((row) => row.key === sessionKey));
  const frames = await socket("node-d3", "[[say:one two three]] [[d:150]]");
  assert.ok(frames.length > 2 && frames.every((frame) => frame.type === "message" && frame.session === "node-d3"));
  assert.equal(frames.map((frame) => frame.content).join(""), "one two three");
  const sent = { name: "node-d3", cron: "0 8 * * *", tz: "Europe/Berlin", message: "[[say:Ran.]] node d3 job" };
  const job = await post("/api/cron", sent);
  assert.deepEqual([job.cron, job.tz, job.message], [sent.cron, sent.tz, sent.message]);
  await jobRuns(job);
}

async function d4() {
  const sent = { agentId: "main", sessionId: "node-d4", message: "[[say:Four.]] node d4", stream: false };
  const chat = await post("/api/v1/chat", sent);
  assert.deepEqual([chat.status, chat.response.content], ["ok", "Four."]);
  const asked = { agentId: "main", sessionId: "node-d4-s", message: "[[say:one two three]] [[d:150]]" };
  const seen = await events("/api/v1/chat/stream", asked);
  assert.deepEqual([seen[0].type, seen.at(-1).type], ["start", "end"]);
  const pieces = seen.filter((event) => event.type === "text").map((event) => event.content);
  assert.ok(pieces.length > 1);
  assert.equal(pieces.join(""), "one two three");
  const one = "/api/v1/agents/main/sessions/node-d4";
  exchange((await get(one)).messages, "Four.");
  await remove(one);
  assert.equal((await call("GET", one)).status, 404);
  const messages = [{ role: "user", content: "[[say:Chunks.]]" }];
  const lines = await streamed("/api/v1/openai/chat/completions", { model: "openclaw", messages, stream: true });
  assert.equal(lines.at(-1), "[DONE]");
}

async function d5() {
  const sent = { workspace: "w-node", userId: "node", message: "[[say:Five.]] node d5" };
  const answer = await post("/api/v1/messages", sent, KEY);
  assert.deepEqual([answer.response, answer.finishReason], ["Five.", "stop"]);
  const again = { ...sent, message: "[[say:one two three]] [[d:150]]", sessionId: answer.sessionId };
  const seen = await events("/api/v1/messages/stream", again, KEY);
  const tokens = seen.filter((event) => event.type === "token").map((event) => event.content);
  assert.equal(tokens.join(""), "one two three");
  assert.ok(seen.at(-1).type === "done" && seen.at(-1).tokensUsed > 0);
  const one = `/api/v1/sessions/${answer.sessionId}`;
  exchange(await get(`${one}/history?limit=2&offset=2`, KEY), "Five.");
  assert.ok((await get("/api/v1/stats", KEY)).totals.messages > 0);
  await remove(one, KEY);
  assert.equal((await call("GET", one, undefined, KEY)).status, 404);
}

for (const dialect of [d1, d2, d3, d4, d5]) {
  await dialect();
  console.log(dialect.name);
}
console.log("done");
