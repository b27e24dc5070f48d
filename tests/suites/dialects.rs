//! The published scripts, unchanged, through `clawctl serve --bridge` and the real gateway behind
//! it.
//!
//! This file runs curl. The Python and Node programs are in `dialects/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

#[path = "../../crates/clawctl/tests/common/mod.rs"]
mod common;
#[path = "dialects/curl.rs"]
mod curl;
#[path = "dialects/programs.rs"]
mod programs;
#[path = "dialects/switch.rs"]
mod switch;

use clawtray_lab::{GatewayConfig, RealGateway, Running, ScriptedModel};
use common::{LIMIT, Shell};
use curl::Curl;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A real gateway, and the bridge in front of it. Every test uses sessions of its own.
struct Stage {
    model: ScriptedModel,
    shell: Shell,
    gateway: RealGateway,
    _bridge: Running,
    base: String,
    key: String,
}

impl Stage {
    fn start() -> Self {
        let model = ScriptedModel::start().unwrap();
        let gateway = RealGateway::start(GatewayConfig::with_model(model.base_url())).unwrap();
        let mut shell = Shell::new(common::program());
        shell.gateway(&gateway.url(), gateway.token());
        let mut serve = shell.command(&["--full-control", "serve", "--bridge"]);
        serve.stderr(std::process::Stdio::null());
        let mut bridge = Running::start("clawctl serve --bridge", &mut serve).unwrap();
        let mut line = String::new();
        let out = bridge.child().stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).expect("serve prints one JSON line");
        assert_eq!(line["bridge"], gateway.url());
        assert!(line["token"].is_null(), "a token that is known is not shown");
        let mut stage = Self {
            model,
            shell,
            gateway,
            _bridge: bridge,
            base: line["httpUrl"].as_str().unwrap().to_owned(),
            key: String::new(),
        };
        stage.key = stage.new_key(&["--label", "scripts", "--workspaces", "w-curl,w-python,w-node"]);
        stage
    }

    fn shared() -> &'static Self {
        static SHARED: OnceLock<Stage> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A new API key, as `api-key create --json` prints it.
    fn new_key(&self, flags: &[&str]) -> String {
        let said = self
            .shell
            .run(&[&["api-key", "create", "--json"], flags].concat());
        let said: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        said["key"].as_str().unwrap().to_owned()
    }

    /// curl with the gateway's own token.
    fn curl(&self) -> Curl {
        Curl::new(&self.base, self.gateway.token())
    }

    /// Runs a job by the gateway's own method, and waits until the dialect says how it went.
    fn run_job(&self, id: &str, says: &str) {
        let params = json!({"id": id, "mode": "force"}).to_string();
        let said = self.shell.run(&["--full-control", "call", "cron.run", &params]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let asked = self.model.wait_for(LIMIT, |seen| seen.user_text.contains(says));
        assert!(asked.is_some(), "the job's prompt reached the model");
        let end = Instant::now() + LIMIT;
        loop {
            let jobs = self.curl().get("/api/cron").ok();
            let job = by(&jobs, "id", id).clone();
            if job["lastStatus"].is_string() {
                assert_eq!(job["lastStatus"], "ok", "{job}");
                return is_time(&job["lastRunAt"]);
            }
            assert!(Instant::now() < end, "the job did not end: {job}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The entry of a bare array with this value in a field.
fn by<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    let list = list.as_array().unwrap_or_else(|| panic!("no array: {list}"));
    let found = list.iter().find(|entry| entry[field] == value);
    found.unwrap_or_else(|| panic!("nothing has {field} {value}: {list:?}"))
}

/// ISO 8601 in UTC, of this day or the one before.
fn is_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999Z", "{text}");
    assert!(text > "2020", "{text}");
}

/// `{timestamp, role, content}` of a prompt and its answer.
fn is_exchange(history: &Value, asked: &str, answered: &str) {
    let list = history
        .as_array()
        .unwrap_or_else(|| panic!("no array: {history}"));
    assert_eq!(list.len(), 2, "{history}");
    for (message, role, text) in [(&list[0], "user", asked), (&list[1], "assistant", answered)] {
        assert_eq!(message["role"], role, "{history}");
        assert!(message["content"].as_str().unwrap().contains(text), "{history}");
        is_time(&message["timestamp"]);
    }
}

/// D1's Session.
fn is_session(row: &Value, messages: u64) {
    assert!(row["id"].as_str().unwrap().starts_with("sess_"), "{row}");
    assert_eq!(
        (&row["agentId"], &row["status"]),
        (&json!("main"), &json!("active")),
        "{row}"
    );
    assert_eq!(row["messageCount"], messages, "{row}");
    is_time(&row["lastActivity"]);
    is_time(&row["createdAt"]);
    assert!(
        row["metadata"]["channel"].is_string() && row["metadata"]["userId"].is_string(),
        "{row}"
    );
}

/// The pieces of one kind of a stream, put together; there is more than one of them.
fn joined(events: &[Value], kind: &str) -> String {
    let pieces = events.iter().filter(|event| event["type"] == kind);
    let pieces: Vec<&str> = pieces.map(|event| event["content"].as_str().unwrap()).collect();
    assert!(pieces.len() > 1, "a stream comes in pieces: {events:?}");
    pieces.concat()
}

#[test]
fn curl_speaks_d1() {
    let stage = Stage::shared();
    let curl = stage.curl();
    assert_eq!(curl.without_token().get("/api/health").ok()["ok"], true);
    let sent = json!({"agentId": "main", "message": "[[say:By agent.]] d1"});
    let by_agent = curl.post("/api/sessions/send", &sent).ok();
    assert_eq!(by_agent["response"], "By agent.", "{by_agent}");
    assert_eq!(by_agent["sessionKey"], "agent:main:main");
    let sent = json!({"sessionKey": "d1-work", "message": "[[say:By session.]] d1 asks"});
    assert_eq!(
        curl.post("/api/sessions/send", &sent).ok()["response"],
        "By session."
    );

    let sessions = curl.get("/api/sessions?activeMinutes=60&limit=100").ok();
    let row = by(&sessions, "key", "agent:main:d1-work");
    is_session(row, 2);
    assert_eq!(
        curl.get("/api/sessions?limit=1").ok().as_array().unwrap().len(),
        1
    );
    for name in ["d1-work", "agent:main:d1-work", row["id"].as_str().unwrap()] {
        let path = format!("/api/sessions/history?sessionKey={name}&limit=20&includeTools=false");
        is_exchange(&curl.get(&path).ok(), "d1 asks", "By session.");
    }
    let path = "/api/sessions/history?sessionKey=d1-work&limit=1";
    assert_eq!(curl.get(path).ok()[0]["role"], "assistant");

    curl.post("/api/sessions/send", &json!({"agentId": "main"}))
        .refused(400, "bad_request");
    curl.get("/api/sessions/history?sessionKey=d1-none")
        .refused(404, "not_found");
    curl.get("/api/nothing").refused(404, "not_found");
    curl.without_token()
        .get("/api/sessions")
        .refused(401, "unauthorized");
    let wrong = Curl::new(&stage.base, "wrong").get("/api/sessions");
    wrong.refused(401, "unauthorized");
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
}

#[test]
fn curl_speaks_d2() {
    let stage = Stage::shared();
    let curl = stage.curl();
    let sent = json!({"sessionKey": "d2-work", "message": "[[say:In time.]] d2 asks", "timeoutSeconds": 120});
    let reply = curl.post("/api/sessions/send", &sent).ok();
    assert_eq!(
        (&reply["status"], &reply["reply"]),
        (&json!("ok"), &json!("In time.")),
        "{reply}"
    );
    let sent = json!({"sessionKey": "d2-late", "message": "[[hold:d2]] [[say:Late.]]", "timeoutSeconds": 1});
    assert_eq!(curl.post("/api/sessions/send", &sent).ok()["status"], "timeout");
    stage.model.release("d2");

    let task = json!({"task": "[[say:Task done.]] d2 task", "runTimeoutSeconds": 300});
    let done = curl.post("/api/sessions/spawn", &task).ok();
    assert_eq!(
        (&done["status"], &done["reply"]),
        (&json!("ok"), &json!("Task done.")),
        "{done}"
    );

    let rows = curl
        .get("/api/sessions/list?kinds=main,isolated&limit=100&messageLimit=1")
        .ok();
    let row = by(&rows, "sessionKey", "agent:main:d2-work");
    is_session(row, 2);
    assert_eq!(row["messages"][0]["content"], "In time.", "{row}");
    let filters = json!({"kinds": ["main"], "limit": 10});
    let rows = curl.call("GET", "/api/sessions/list", Some(&filters)).ok();
    assert!(
        rows.as_array().unwrap().iter().all(|row| row["kind"] == "main"),
        "{rows}"
    );
    let path = "/api/sessions/history?sessionKey=d2-work&limit=20&includeTools=true";
    is_exchange(&curl.get(path).ok(), "d2 asks", "In time.");
    let status = curl.get("/api/session/status?sessionKey=d2-work").ok();
    assert!(status["usage"]["totalTokens"].as_u64().unwrap() > 0, "{status}");
    assert!(status["cost"]["totalUSD"].is_number(), "{status}");
    assert_eq!(status["config"]["model"], "fake/fake-1", "{status}");

    let turn = json!({"job": {"name": "d2 turn", "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "America/New_York"},
        "payload": {"kind": "agentTurn", "message": "[[say:Job done.]] d2 job"}, "sessionTarget": "isolated"}});
    let job = curl.post("/api/cron/add", &turn).ok();
    let id = job["id"].as_str().unwrap();
    for field in ["name", "schedule", "sessionTarget"] {
        assert_eq!(job[field]["expr"], turn["job"][field]["expr"], "{job}");
    }
    assert_eq!(
        (&job["payload"]["kind"], &job["enabled"]),
        (&json!("agentTurn"), &json!(true)),
        "{job}"
    );
    is_time(&job["nextRunAt"]);
    stage.run_job(id, "d2 job");
    let event = json!({"job": {"name": "d2 event", "schedule": {"kind": "cron", "expr": "0 9 * * *"},
        "payload": {"kind": "systemEvent", "text": "d2 says"}, "sessionTarget": "main"}});
    let event = curl.post("/api/cron/add", &event).ok();
    assert_eq!(
        (&event["payload"]["text"], &event["sessionTarget"]),
        (&json!("d2 says"), &json!("main")),
        "{event}"
    );
    for id in [id, event["id"].as_str().unwrap()] {
        curl.call("DELETE", &format!("/api/cron/{id}"), None).nothing();
    }
    let wrong = json!({"job": {"name": "x", "schedule": {"kind": "cron", "expr": "daily"},
        "payload": {"kind": "agentTurn", "message": "x"}, "sessionTarget": "isolated"}});
    curl.post("/api/cron/add", &wrong).refused(400, "bad_request");
}

#[test]
fn curl_speaks_d3() {
    let stage = Stage::shared();
    let curl = stage.curl();
    let status = curl.get("/api/status").ok();
    assert_eq!(
        (&status["ok"], &status["agent"]),
        (&json!(true), &json!("main")),
        "{status}"
    );
    assert_eq!(status["model"], "fake/fake-1", "{status}");
    assert!(
        status["version"].is_string() && status["uptime"].is_u64(),
        "{status}"
    );

    let made = curl
        .post(
            "/api/sessions",
            &json!({"label": "D3 research", "target": "isolated"}),
        )
        .ok();
    assert_eq!(
        (&made["label"], &made["messageCount"]),
        (&json!("D3 research"), &json!(0)),
        "{made}"
    );
    let key = made["sessionKey"].as_str().unwrap();
    for (name, full) in [
        ("main", "agent:main:main"),
        ("d3-new", "agent:main:d3-new"),
        (key, key),
    ] {
        let path = format!("/api/sessions/{name}/messages");
        let reply = curl.post(&path, &json!({"message": "[[say:Yes.]] d3 asks"})).ok();
        assert_eq!(
            (&reply["response"], &reply["sessionKey"]),
            (&json!("Yes."), &json!(full)),
            "{reply}"
        );
    }
    let sessions = curl.get("/api/sessions").ok();
    is_session(by(&sessions, "key", key), 2);
    is_exchange(
        &curl.get(&format!("/api/sessions/{key}/history?limit=20")).ok(),
        "d3 asks",
        "Yes.",
    );
    assert_eq!(
        curl.get("/api/sessions/d3-new/history?limit=1")
            .ok()
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let brief =
        json!({"name": "d3", "cron": "0 8 * * *", "tz": "Europe/Berlin", "message": "[[say:News.]] d3 job"});
    let job = curl.post("/api/cron", &brief).ok();
    for field in ["name", "cron", "tz", "message"] {
        assert_eq!(job[field], brief[field], "{job}");
    }
    let id = job["id"].as_str().unwrap();
    stage.run_job(id, "d3 job");
    let path = format!("/api/cron/{id}");
    curl.call("DELETE", &path, None).nothing();
    curl.call("DELETE", &path, None).refused(404, "not_found");
    assert!(!curl.get("/api/cron").ok().to_string().contains(id));
    // The socket is Node's, in `dialects/published.mjs`; without an upgrade its path says so.
    curl.get(&format!("/ws?token={}", stage.gateway.token()))
        .refused(426, "upgrade_required");
}

#[test]
fn curl_speaks_d4() {
    let stage = Stage::shared();
    let curl = stage.curl();
    let sent =
        json!({"agentId": "main", "sessionId": "d4-1", "message": "[[say:Whole.]] d4 asks", "stream": false});
    let chat = curl.post("/api/v1/chat", &sent).ok();
    let response = &chat["response"];
    assert_eq!(
        (&chat["status"], &response["content"]),
        (&json!("ok"), &json!("Whole.")),
        "{chat}"
    );
    assert!(response["messageId"].is_string(), "{chat}");
    assert_eq!(response["model"], "fake/fake-1", "{chat}");
    for count in ["inputTokens", "outputTokens"] {
        assert!(response["usage"][count].as_u64().unwrap() > 0, "{chat}");
    }

    let asked = r#"[[tool:exec {"command":"echo d4-tool"}]] [[say:one two three four]] [[n:4]] [[d:150]]"#;
    let sent = json!({"agentId": "main", "sessionId": "d4-2", "message": asked});
    let events = curl.post("/api/v1/chat/stream", &sent).events();
    let (first, last) = (&events[0], events.last().unwrap());
    assert_eq!(
        (&first["type"], &last["type"]),
        (&json!("start"), &json!("end")),
        "{events:?}"
    );
    assert!(
        first["messageId"].is_string() && last["usage"]["outputTokens"].as_u64().unwrap() > 0,
        "{events:?}"
    );
    let tool = events
        .iter()
        .find(|event| event["type"] == "tool_use")
        .expect("a tool");
    assert_eq!(
        (&tool["name"], &tool["input"]["command"]),
        (&json!("exec"), &json!("echo d4-tool")),
        "{tool}"
    );
    let result = events
        .iter()
        .find(|event| event["type"] == "tool_result")
        .expect("its result");
    assert!(result["output"].to_string().contains("d4-tool"), "{result}");
    assert_eq!(joined(&events, "text"), "one two three four");
    let query = "agentId=main&sessionId=d4-3&message=%5B%5Bsay%3Ain%20a%20query%5D%5D%20%5B%5Bd%3A150%5D%5D";
    let path = format!("/api/v1/chat/stream?{query}&api_key={}", stage.gateway.token());
    assert_eq!(
        joined(&curl.without_token().get(&path).events(), "text"),
        "in a query"
    );

    let agents = curl.get("/api/v1/agents").ok();
    assert_eq!(by(&agents, "id", "main")["model"], "fake/fake-1");
    assert_eq!(curl.get("/api/v1/agents/main").ok()["id"], "main");
    by(&curl.get("/api/v1/agents/main/tools").ok(), "name", "exec");
    curl.get("/api/v1/agents/nobody").refused(404, "not_found");
    let sessions = "/api/v1/agents/main/sessions";
    is_session(by(&curl.get(sessions).ok(), "key", "agent:main:d4-1"), 2);
    let one = format!("{sessions}/d4-1");
    is_exchange(&curl.get(&one).ok()["messages"], "d4 asks", "Whole.");
    assert_eq!(
        curl.call("POST", &format!("{one}/clear"), None).ok()["status"],
        "ok"
    );
    assert_eq!(curl.get(&one).ok()["messages"], json!([]));
    assert_eq!(curl.call("DELETE", &one, None).ok()["deleted"], true);
    curl.get(&one).refused(404, "not_found");
    assert_eq!(curl.get("/api/v1/health").ok()["status"], "ok");
    assert!(curl.get("/api/v1/metrics").ok()["requests"].as_u64().unwrap() > 0);

    let path = "/api/v1/openai/chat/completions";
    let sent = json!({"model": "openclaw", "messages": [{"role": "user", "content": "[[say:Completed.]]"}]});
    let whole = curl.post(path, &sent).ok();
    let choice = &whole["choices"][0];
    assert_eq!(
        (&whole["object"], &choice["finish_reason"]),
        (&json!("chat.completion"), &json!("stop")),
        "{whole}"
    );
    assert_eq!(
        choice["message"],
        json!({"role": "assistant", "content": "Completed.", "refusal": null})
    );
    let mut sent = sent;
    sent["stream"] = true.into();
    let lines = curl.post(path, &sent).data();
    assert_eq!(lines.last().unwrap(), "[DONE]");
    let text: String = lines[..lines.len() - 1]
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|chunk| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(text, "Completed.");
}

#[test]
fn curl_speaks_d5() {
    let stage = Stage::shared();
    let curl = Curl::new(&stage.base, &stage.key);
    let health = curl.without_token().get("/api/v1/health").ok();
    assert!(
        health["version"].is_string() && health["uptime"].is_u64(),
        "{health}"
    );
    assert!(
        health["channels"].is_object() && health["redis"].is_string(),
        "{health}"
    );
    assert!(health["memoryMB"].as_u64().unwrap() > 0, "{health}");

    let asked = "[[say:To Ann.]] d5 asks";
    let context = json!({"timezone": "Europe/Prague", "language": "cs"});
    let mut sent = json!({"workspace": "w-curl", "userId": "ann", "message": asked, "context": context});
    let reply = curl.post("/api/v1/messages", &sent).ok();
    assert_eq!(
        (&reply["response"], &reply["finishReason"]),
        (&json!("To Ann."), &json!("stop")),
        "{reply}"
    );
    assert!(
        reply["messageId"].is_string() && reply["latencyMs"].is_u64(),
        "{reply}"
    );
    assert!(
        reply["tokensUsed"].as_u64().unwrap() > 0 && reply["toolsInvoked"] == json!([]),
        "{reply}"
    );
    let id = reply["sessionId"].as_str().unwrap();
    assert!(id.starts_with("sess_"), "{reply}");

    sent["sessionId"] = id.into();
    sent["message"] = r#"[[tool:exec {"command":"echo d5-tool"}]] [[say:one two three]] [[d:150]]"#.into();
    let events = curl.post("/api/v1/messages/stream", &sent).events();
    assert_eq!(joined(&events, "token"), "one two three");
    let tool = events
        .iter()
        .find(|event| event["type"] == "tool_use")
        .expect("a tool");
    assert_eq!(
        (&tool["tool"], &tool["input"]["command"]),
        (&json!("exec"), &json!("echo d5-tool")),
        "{tool}"
    );
    let result = events
        .iter()
        .find(|event| event["type"] == "tool_result")
        .expect("its result");
    assert!(
        result["tool"] == "exec" && result["output"].to_string().contains("d5-tool"),
        "{result}"
    );
    let done = events.last().unwrap();
    assert!(done["type"] == "done" && done["messageId"].is_string(), "{done}");
    assert!(
        done["tokensUsed"].as_u64().unwrap() > 0 && done["latencyMs"].is_u64(),
        "{done}"
    );

    let one = format!("/api/v1/sessions/{id}");
    let row = curl.get(&one).ok();
    assert_eq!(
        (&row["id"], &row["workspace"], &row["userId"]),
        (&json!(id), &json!("w-curl"), &json!("ann")),
        "{row}"
    );
    assert!(
        row["messageCount"].as_u64().unwrap() >= 4 && row["tokensUsed"].as_u64().unwrap() > 0,
        "{row}"
    );
    is_time(&row["createdAt"]);
    is_time(&row["lastActiveAt"]);
    assert!(row["channel"].is_string(), "{row}");
    by(&curl.get("/api/v1/sessions").ok(), "id", id);
    is_exchange(
        &curl.get(&format!("{one}/history?limit=2&offset=2")).ok(),
        "d5 asks",
        "To Ann.",
    );

    let created = json!({"id": "w-curl-2", "label": "Two", "agent": "main", "skills": []});
    curl.post("/api/v1/workspaces", &created)
        .refused(403, "forbidden");
    let owner = stage.curl();
    let made = owner.post("/api/v1/workspaces", &created).ok();
    for field in ["id", "label", "agent", "skills"] {
        assert_eq!(made[field], created[field], "{made}");
    }
    owner
        .post("/api/v1/workspaces", &created)
        .refused(409, "conflict");
    by(&owner.get("/api/v1/workspaces").ok(), "id", "w-curl-2");
    let change = json!({"add": ["ann", "bob"], "remove": ["bob"]});
    let changed = owner
        .call("PATCH", "/api/v1/workspaces/w-curl-2/allowlist", Some(&change))
        .ok();
    assert_eq!(changed["allowlist"], json!(["ann"]), "{changed}");
    let sent = json!({"workspace": "w-curl-2", "userId": "eve", "message": "x"});
    owner.post("/api/v1/messages", &sent).refused(403, "forbidden");
    assert_eq!(owner.get("/api/v1/workspaces/w-curl-2").ok()["label"], "Two");
    owner.call("DELETE", "/api/v1/workspaces/w-curl-2", None).ok();
    owner.get("/api/v1/workspaces/w-curl-2").refused(404, "not_found");

    let stats = curl.get("/api/v1/stats?from=2026-01-01&to=2099-12-31").ok();
    assert_eq!(stats["period"], json!({"from": "2026-01-01", "to": "2099-12-31"}));
    for count in ["messages", "tokensIn", "tokensOut", "uniqueUsers"] {
        assert!(stats["totals"][count].as_u64().unwrap() > 0, "{stats}");
    }
    assert!(
        stats["totals"]["costUSD"].is_number() && stats["totals"]["avgLatencyMs"].is_number(),
        "{stats}"
    );
    let day = &stats["byDay"][0];
    assert!(
        day["date"].is_string() && day["messages"].is_u64() && day["tokensOut"].is_u64(),
        "{stats}"
    );
    by(&curl.get("/api/v1/stats/workspaces").ok(), "workspace", "w-curl");
    by(
        &curl.get("/api/v1/stats/users?workspace=w-curl&limit=5").ok(),
        "userId",
        "ann",
    );

    curl.call("DELETE", &one, None).ok();
    curl.get(&one).refused(404, "not_found");
    let sent = json!({"workspace": "w-curl", "userId": "bob", "message": "[[say:To Bob.]]"});
    curl.post("/api/v1/messages", &sent).ok();
    assert_eq!(
        curl.call("DELETE", "/api/v1/sessions?workspace=w-curl", None)
            .ok()["cleared"],
        1
    );
}

#[test]
fn keys_are_held_to_what_they_allow() {
    let stage = Stage::shared();
    let key = stage.new_key(&["--label", "reader", "--permissions", "sessions:read"]);
    let reader = Curl::new(&stage.base, &key);
    reader.get("/api/v1/sessions").ok();
    let sent = json!({"workspace": "default", "userId": "ann", "message": "x"});
    reader.post("/api/v1/messages", &sent).refused(403, "forbidden");
    assert_eq!(stage.shell.run(&["api-key", "revoke", &key]).code, Some(0));
    reader.get("/api/v1/sessions").refused(401, "unauthorized");

    // A minute may end between two calls: then there are two more.
    let few = Curl::new(
        &stage.base,
        &stage.new_key(&["--label", "few", "--rate-limit", "2"]),
    );
    let over = (0..30).map(|_| few.get("/api/v1/workspaces")).find(|answer| {
        let left = answer.header("x-ratelimit-remaining");
        assert_eq!(answer.header("x-ratelimit-limit"), "2", "{answer:?}");
        assert!(["0", "1"].contains(&left), "{answer:?}");
        !answer.header("retry-after").is_empty()
    });
    let over = over.expect("the limit is held");
    over.refused(429, "rate_limited");
    assert_eq!(over.header("x-ratelimit-remaining"), "0");
    assert!(over.header("retry-after").parse::<u64>().unwrap() <= 60);
}

#[test]
fn python_requests_speaks_every_dialect() {
    programs::python(Stage::shared());
}

#[test]
fn node_fetch_speaks_every_dialect() {
    programs::node(Stage::shared());
}

#[test]
fn the_official_openai_package_streams_a_chat() {
    programs::openai(Stage::shared());
}

#[test]
fn no_request_that_can_be_made_up_is_answered_as_undocumented() {
    let mut shell = Shell::new(common::program());
    let token = "made-up-requests-0123456789";
    shell.set("OPENCLAW_GATEWAY_TOKEN", token);
    let mut serve = shell.command(&["serve"]);
    serve.stderr(std::process::Stdio::null());
    let mut server = Running::start("clawctl serve", &mut serve).unwrap();
    let mut line = String::new();
    let out = server.child().stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).expect("serve prints one JSON line");
    programs::schemathesis(line["httpUrl"].as_str().unwrap(), token, shell.dir.path());
}
