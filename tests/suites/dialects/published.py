"""The calls of the five write-ups with Python's requests. Says done at its end."""

import json
import os
import subprocess
import time

import requests

BASE, TOKEN, KEY, CLAWCTL = (os.environ[name] for name in ("BASE", "TOKEN", "KEY", "CLAWCTL"))
TIMEOUT = 120


def client(token):
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


http = client(TOKEN)


def ok(response):
    assert response.status_code == 200, (response.url, response.status_code, response.text)
    for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
        assert response.headers[name].isdigit(), (name, response.headers)
    return response.json() if response.content else None


def get(path, **params):
    return ok(http.get(BASE + path, params=params, timeout=TIMEOUT))


def post(path, **body):
    return ok(http.post(BASE + path, json=body, timeout=TIMEOUT))


def streamed(path, by=http, **body):
    with by.post(BASE + path, json=body, stream=True, timeout=TIMEOUT) as response:
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines(decode_unicode=True) if line.startswith("data: ")]
    return [line[6:] for line in lines]


def exchange(history, answered):
    assert [message["role"] for message in history] == ["user", "assistant"], history
    assert history[1]["content"] == answered, history
    assert all(message["timestamp"].endswith("Z") for message in history), history


def job_runs(job):
    """The gateway's own method runs it; the dialect tells how it went; then it is deleted."""
    params = json.dumps({"id": job["id"], "mode": "force"})
    subprocess.run([CLAWCTL, "--full-control", "call", "cron.run", params], check=True, capture_output=True)
    end = time.monotonic() + TIMEOUT
    while True:
        found = next(row for row in get("/api/cron") if row["id"] == job["id"])
        if found["lastStatus"]:
            break
        assert time.monotonic() < end, found
        time.sleep(0.1)
    assert found["lastStatus"] == "ok", found
    ok(http.delete(f"{BASE}/api/cron/{job['id']}", timeout=TIMEOUT))
    assert all(row["id"] != job["id"] for row in get("/api/cron"))


def d1():
    assert requests.get(f"{BASE}/api/health", timeout=TIMEOUT).status_code == 200
    answer = post("/api/sessions/send", sessionKey="py-d1", message="[[say:One.]] python d1")
    assert answer["response"] == "One.", answer
    rows = get("/api/sessions", activeMinutes=60, limit=100)
    row = next(row for row in rows if row["key"] == "agent:main:py-d1")
    assert row["messageCount"] == 2 and row["status"] == "active" and row["agentId"] == "main", row
    exchange(get("/api/sessions/history", sessionKey=row["id"], limit=20, includeTools="false"), "One.")
    wrong = client("wrong").get(f"{BASE}/api/sessions", timeout=TIMEOUT)
    assert wrong.status_code == 401, wrong.text


def d2():
    answer = post("/api/sessions/send", sessionKey="py-d2", message="[[say:Two.]] python d2", timeoutSeconds=120)
    assert (answer["status"], answer["reply"]) == ("ok", "Two."), answer
    assert post("/api/sessions/spawn", task="[[say:Spawned.]]", runTimeoutSeconds=300)["reply"] == "Spawned."
    rows = get("/api/sessions/list", kinds="isolated", limit=100, messageLimit=2)
    exchange(next(row for row in rows if row["sessionKey"] == "agent:main:py-d2")["messages"], "Two.")
    assert get("/api/session/status", sessionKey="py-d2")["usage"]["outputTokens"] > 0
    schedule = {"kind": "cron", "expr": "0 9 * * *", "tz": "America/New_York"}
    payload = {"kind": "agentTurn", "message": "[[say:Ran.]] python d2 job"}
    job = {"name": "py-d2", "schedule": schedule, "payload": payload, "sessionTarget": "isolated"}
    job_runs(post("/api/cron/add", job=job))


def d3():
    assert get("/api/status")["ok"] is True
    key = post("/api/sessions", label="Python", target="isolated")["sessionKey"]
    answer = post(f"/api/sessions/{key}/messages", message="[[say:Three.]] python d3")
    assert answer["response"] == "Three." and answer["sessionKey"] == key, answer
    exchange(get(f"/api/sessions/{key}/history", limit=20), "Three.")
    assert any(row["key"] == key for row in get("/api/sessions"))
    job = post("/api/cron", name="py-d3", cron="0 8 * * *", tz="Europe/Berlin", message="[[say:Ran.]] python d3 job")
    assert (job["cron"], job["tz"]) == ("0 8 * * *", "Europe/Berlin"), job
    job_runs(job)


def d4():
    chat = post("/api/v1/chat", agentId="main", sessionId="py-d4", message="[[say:Four.]] python d4", stream=False)
    assert chat["status"] == "ok" and chat["response"]["content"] == "Four.", chat
    asked = "[[say:one two three]] [[d:150]]"
    events = list(map(json.loads, streamed("/api/v1/chat/stream", agentId="main", sessionId="py-d4-s", message=asked)))
    assert events[0]["type"] == "start" and events[-1]["type"] == "end", events
    pieces = [event["content"] for event in events if event["type"] == "text"]
    assert len(pieces) > 1 and "".join(pieces) == "one two three", events
    one = "/api/v1/agents/main/sessions/py-d4"
    exchange(get(one)["messages"], "Four.")
    ok(http.delete(BASE + one, timeout=TIMEOUT))
    assert http.get(BASE + one, timeout=TIMEOUT).status_code == 404
    messages = [{"role": "user", "content": "[[say:Chunks.]]"}]
    lines = streamed("/api/v1/openai/chat/completions", model="openclaw", messages=messages, stream=True)
    assert lines[-1] == "[DONE]", lines


def d5():
    keyed = client(KEY)
    body = {"workspace": "w-python", "userId": "py", "message": "[[say:Five.]] python d5"}
    answer = ok(keyed.post(f"{BASE}/api/v1/messages", json=body, timeout=TIMEOUT))
    assert answer["response"] == "Five." and answer["finishReason"] == "stop", answer
    body |= {"message": "[[say:one two three]] [[d:150]]", "sessionId": answer["sessionId"]}
    events = list(map(json.loads, streamed("/api/v1/messages/stream", by=keyed, **body)))
    assert "".join(event["content"] for event in events if event["type"] == "token") == "one two three", events
    assert events[-1]["type"] == "done" and events[-1]["tokensUsed"] > 0, events
    one = f"{BASE}/api/v1/sessions/{answer['sessionId']}"
    exchange(ok(keyed.get(f"{one}/history", params={"limit": 2, "offset": 2}, timeout=TIMEOUT)), "Five.")
    assert ok(keyed.get(f"{BASE}/api/v1/stats", timeout=TIMEOUT))["totals"]["messages"] > 0
    ok(keyed.delete(one, timeout=TIMEOUT))
    assert keyed.get(one, timeout=TIMEOUT).status_code == 404


for dialect in (d1, d2, d3, d4, d5):
    dialect()
    print(dialect.__name__)
print("done")
