//! `/openapi.json`: the description of all calls, for people and tools.

use axum::Json;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// How an answer looks.
#[derive(Clone, Copy)]
enum Answer {
    /// A JSON object with these properties.
    Object(&'static [(&'static str, &'static str)]),
    /// A JSON array of such objects.
    List(&'static [(&'static str, &'static str)]),
    /// Server-sent events.
    Stream,
    /// JSON, or server-sent events with `stream: true`.
    Either(&'static [(&'static str, &'static str)]),
    /// No body.
    Nothing,
}

/// One call.
struct Call {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// Query parameters; `!` before the name: required.
    query: &'static [(&'static str, &'static str)],
    /// Fields of the body; `!` before the name: required.
    body: &'static [(&'static str, &'static str)],
    answer: Answer,
}

const SESSION: &[(&str, &str)] = &[
    ("id", "string"),
    ("agentId", "string"),
    ("status", "string"),
    ("lastActivity", "string"),
    ("messageCount", "integer"),
    ("createdAt", "string"),
    ("metadata", "object"),
];
const SESSION_V1: &[(&str, &str)] = &[
    ("id", "string"),
    ("workspace", "string"),
    ("userId", "string"),
    ("createdAt", "string"),
    ("lastActiveAt", "string"),
    ("messageCount", "integer"),
    ("tokensUsed", "integer"),
    ("channel", "string"),
];
const MESSAGE: &[(&str, &str)] = &[("timestamp", "string"), ("role", "string"), ("content", "string")];
const JOB: &[(&str, &str)] = &[("id", "string"), ("name", "string"), ("enabled", "boolean")];
const AGENT: &[(&str, &str)] = &[("id", "string"), ("name", "string"), ("model", "string")];
const WORKSPACE: &[(&str, &str)] = &[
    ("id", "string"),
    ("label", "string"),
    ("agent", "string"),
    ("skills", "strings"),
    ("allowlist", "strings"),
];
const MODEL: &[(&str, &str)] = &[("id", "string"), ("object", "string"), ("owned_by", "string")];
const MODELS: &[(&str, &str)] = &[("object", "string"), ("data", "objects")];
const COMPLETION: &[(&str, &str)] = &[("id", "string"), ("choices", "objects"), ("usage", "object")];
const CHAT_BODY: &[(&str, &str)] = &[
    ("agentId", "id"),
    ("sessionId", "string"),
    ("!message", "text"),
    ("stream", "boolean"),
];
const COMPLETION_BODY: &[(&str, &str)] = &[
    ("!model", "text"),
    ("!messages", "messages"),
    ("stream", "boolean"),
    ("stream_options", "object"),
];
const MESSAGE_BODY: &[(&str, &str)] = &[
    ("!workspace", "name"),
    ("!userId", "text"),
    ("!message", "text"),
    ("sessionId", "string"),
    ("context", "context"),
];
const PERIOD: &[(&str, &str)] = &[("from", "date"), ("to", "date")];

const fn call(method: &'static str, path: &'static str, summary: &'static str, answer: Answer) -> Call {
    Call {
        method,
        path,
        summary,
        query: &[],
        body: &[],
        answer,
    }
}

const CALLS: &[Call] = &[
    call(
        "get",
        "/health",
        "Liveness",
        Answer::Object(&[("ok", "boolean"), ("status", "string")]),
    ),
    call(
        "get",
        "/api/health",
        "D1: health",
        Answer::Object(&[("ok", "boolean")]),
    ),
    Call {
        query: &[("activeMinutes", "count"), ("limit", "limit")],
        ..call("get", "/api/sessions", "D1, D3: sessions", Answer::List(SESSION))
    },
    Call {
        body: &[("label", "string"), ("target", "target")],
        ..call(
            "post",
            "/api/sessions",
            "D3: make a session",
            Answer::Object(SESSION),
        )
    },
    Call {
        body: &[
            ("!message", "text"),
            ("agentId", "id"),
            ("sessionKey", "string"),
            ("timeoutSeconds", "count"),
        ],
        ..call(
            "post",
            "/api/sessions/send",
            "D1, D2: send a prompt and wait for the reply",
            Answer::Object(&[("status", "string"), ("sessionKey", "string")]),
        )
    },
    Call {
        query: &[
            ("!sessionKey", "text"),
            ("limit", "limit"),
            ("includeTools", "boolean"),
        ],
        ..call(
            "get",
            "/api/sessions/history",
            "D1, D2: transcript",
            Answer::List(MESSAGE),
        )
    },
    Call {
        query: &[("kinds", "string"), ("limit", "limit"), ("messageLimit", "count")],
        ..call("get", "/api/sessions/list", "D2: sessions", Answer::List(SESSION))
    },
    Call {
        body: &[
            ("!task", "text"),
            ("model", "string"),
            ("runTimeoutSeconds", "count"),
        ],
        ..call(
            "post",
            "/api/sessions/spawn",
            "D2: run a task in a session of its own",
            Answer::Object(&[("status", "string"), ("sessionKey", "string")]),
        )
    },
    Call {
        query: &[("sessionKey", "string")],
        ..call(
            "get",
            "/api/session/status",
            "D2: tokens, cost and configuration of a session",
            Answer::Object(&[("usage", "object"), ("cost", "object"), ("config", "object")]),
        )
    },
    Call {
        body: &[("!job", "job")],
        ..call("post", "/api/cron/add", "D2: add a job", Answer::Object(JOB))
    },
    call(
        "get",
        "/api/status",
        "D3: status",
        Answer::Object(&[
            ("ok", "boolean"),
            ("version", "string"),
            ("uptime", "integer"),
            ("agent", "string"),
            ("model", "string"),
        ]),
    ),
    Call {
        body: &[("!message", "text")],
        ..call(
            "post",
            "/api/sessions/{key}/messages",
            "D3: send a prompt",
            Answer::Object(&[("response", "string"), ("sessionKey", "string")]),
        )
    },
    Call {
        query: &[("limit", "limit"), ("includeTools", "boolean")],
        ..call(
            "get",
            "/api/sessions/{key}/history",
            "D3: transcript",
            Answer::List(MESSAGE),
        )
    },
    call("get", "/api/cron", "D3: jobs", Answer::List(JOB)),
    Call {
        body: &[
            ("!name", "text"),
            ("!cron", "cron"),
            ("tz", "tz"),
            ("!message", "words"),
        ],
        ..call("post", "/api/cron", "D3: add a job", Answer::Object(JOB))
    },
    call("delete", "/api/cron/{id}", "D3: remove a job", Answer::Nothing),
    Call {
        body: CHAT_BODY,
        ..call(
            "post",
            "/api/v1/chat",
            "D4: chat",
            Answer::Either(&[("status", "string"), ("response", "object")]),
        )
    },
    Call {
        body: CHAT_BODY,
        ..call(
            "post",
            "/api/v1/chat/stream",
            "D4: chat, streamed",
            Answer::Stream,
        )
    },
    Call {
        query: &[("agentId", "id"), ("sessionId", "string"), ("!message", "text")],
        ..call(
            "get",
            "/api/v1/chat/stream",
            "D4: chat, streamed, for EventSource",
            Answer::Stream,
        )
    },
    call("get", "/api/v1/agents", "D4: agents", Answer::List(AGENT)),
    call(
        "get",
        "/api/v1/agents/{id}",
        "D4: an agent",
        Answer::Object(AGENT),
    ),
    call(
        "get",
        "/api/v1/agents/{id}/tools",
        "D4: its tools",
        Answer::List(&[("name", "string"), ("description", "string")]),
    ),
    call(
        "get",
        "/api/v1/agents/{id}/sessions",
        "D4: its sessions",
        Answer::List(SESSION),
    ),
    Call {
        query: &[("limit", "limit")],
        ..call(
            "get",
            "/api/v1/agents/{id}/sessions/{sid}",
            "D4: a session with its messages",
            Answer::Object(SESSION),
        )
    },
    call(
        "delete",
        "/api/v1/agents/{id}/sessions/{sid}",
        "D4: delete a session",
        Answer::Object(&[("status", "string"), ("deleted", "boolean")]),
    ),
    call(
        "post",
        "/api/v1/agents/{id}/sessions/{sid}/clear",
        "D4: clear a session",
        Answer::Object(&[("status", "string"), ("cleared", "boolean")]),
    ),
    call(
        "get",
        "/api/v1/metrics",
        "D4: metrics",
        Answer::Object(&[("uptime", "integer"), ("requests", "integer")]),
    ),
    Call {
        body: COMPLETION_BODY,
        ..call(
            "post",
            "/api/v1/openai/chat/completions",
            "D4: OpenAI chat completions",
            Answer::Either(COMPLETION),
        )
    },
    call(
        "get",
        "/api/v1/openai/models",
        "OpenAI models",
        Answer::Object(MODELS),
    ),
    call(
        "get",
        "/api/v1/openai/models/{id}",
        "OpenAI: one model",
        Answer::Object(MODEL),
    ),
    Call {
        body: COMPLETION_BODY,
        ..call(
            "post",
            "/v1/chat/completions",
            "OpenAI chat completions",
            Answer::Either(COMPLETION),
        )
    },
    call("get", "/v1/models", "OpenAI models", Answer::Object(MODELS)),
    call(
        "get",
        "/v1/models/{id}",
        "OpenAI: one model",
        Answer::Object(MODEL),
    ),
    call(
        "get",
        "/api/v1/health",
        "D4, D5: health",
        Answer::Object(&[
            ("status", "string"),
            ("version", "string"),
            ("uptime", "integer"),
            ("channels", "object"),
            ("redis", "string"),
            ("memoryMB", "integer"),
        ]),
    ),
    Call {
        body: MESSAGE_BODY,
        ..call(
            "post",
            "/api/v1/messages",
            "D5: send a message",
            Answer::Object(&[
                ("messageId", "string"),
                ("response", "string"),
                ("tokensUsed", "integer"),
                ("latencyMs", "integer"),
                ("sessionId", "string"),
                ("toolsInvoked", "strings"),
                ("finishReason", "string"),
            ]),
        )
    },
    Call {
        body: MESSAGE_BODY,
        ..call(
            "post",
            "/api/v1/messages/stream",
            "D5: send a message, streamed",
            Answer::Stream,
        )
    },
    Call {
        query: &[("workspace", "string"), ("userId", "string"), ("limit", "limit")],
        ..call(
            "get",
            "/api/v1/sessions",
            "D5: sessions",
            Answer::List(SESSION_V1),
        )
    },
    Call {
        query: &[("!workspace", "text")],
        ..call(
            "delete",
            "/api/v1/sessions",
            "D5: clear the sessions of a workspace",
            Answer::Object(&[("cleared", "integer")]),
        )
    },
    call(
        "get",
        "/api/v1/sessions/{id}",
        "D5: a session",
        Answer::Object(SESSION_V1),
    ),
    call(
        "delete",
        "/api/v1/sessions/{id}",
        "D5: clear a session",
        Answer::Object(&[("cleared", "integer")]),
    ),
    Call {
        query: &[("limit", "limit"), ("offset", "count")],
        ..call(
            "get",
            "/api/v1/sessions/{id}/history",
            "D5: transcript",
            Answer::List(MESSAGE),
        )
    },
    call(
        "get",
        "/api/v1/workspaces",
        "D5: workspaces",
        Answer::List(WORKSPACE),
    ),
    Call {
        body: &[
            ("!id", "name"),
            ("label", "string"),
            ("agent", "id"),
            ("skills", "strings"),
        ],
        ..call(
            "post",
            "/api/v1/workspaces",
            "D5: make a workspace",
            Answer::Object(WORKSPACE),
        )
    },
    call(
        "get",
        "/api/v1/workspaces/{id}",
        "D5: a workspace",
        Answer::Object(WORKSPACE),
    ),
    call(
        "delete",
        "/api/v1/workspaces/{id}",
        "D5: delete a workspace",
        Answer::Object(&[("deleted", "boolean"), ("id", "string")]),
    ),
    Call {
        body: &[("add", "strings"), ("remove", "strings")],
        ..call(
            "patch",
            "/api/v1/workspaces/{id}/allowlist",
            "D5: change who may talk",
            Answer::Object(WORKSPACE),
        )
    },
    Call {
        query: PERIOD,
        ..call(
            "get",
            "/api/v1/stats",
            "D5: statistics",
            Answer::Object(&[("period", "object"), ("totals", "object"), ("byDay", "objects")]),
        )
    },
    Call {
        query: &[("from", "date"), ("to", "date"), ("limit", "limit")],
        ..call(
            "get",
            "/api/v1/stats/workspaces",
            "D5: statistics by workspace",
            Answer::List(&[("workspace", "string"), ("messages", "integer")]),
        )
    },
    Call {
        query: &[
            ("workspace", "string"),
            ("from", "date"),
            ("to", "date"),
            ("limit", "limit"),
        ],
        ..call(
            "get",
            "/api/v1/stats/users",
            "D5: statistics by user",
            Answer::List(&[("userId", "string"), ("messages", "integer")]),
        )
    },
];

fn schema(kind: &str) -> Value {
    match kind {
        "text" => json!({"type": "string", "minLength": 1}),
        "words" => json!({"type": "string", "pattern": "^\\S[\\s\\S]*$"}),
        "name" => json!({"type": "string", "minLength": 1, "maxLength": 64}),
        "id" => json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$"}),
        "target" => json!({"type": "string", "enum": ["isolated", "main"]}),
        "cron" => json!({"type": "string", "enum": ["0 8 * * *", "*/15 * * * *", "0 9 * * 1-5"],
            "description": "A cron expression of five fields; the values are examples."}),
        "tz" => json!({"type": "string", "enum": ["UTC", "Europe/Berlin", "America/New_York"],
            "description": "A time zone of the IANA database; the values are examples."}),
        "date" => json!({"type": "string", "format": "date"}),
        "count" => json!({"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u64}),
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": 4_294_967_295_u64}),
        "integer" => json!({"type": "integer"}),
        "boolean" => json!({"type": "boolean"}),
        "strings" => json!({"type": "array", "items": {"type": "string"}}),
        "objects" => json!({"type": "array", "items": {"type": "object"}}),
        "object" => json!({"type": "object"}),
        "job" => json!({
            "type": "object",
            "required": ["name", "schedule", "payload"],
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "sessionTarget": {"enum": ["main", "isolated", null]},
                "schedule": {"type": "object", "required": ["kind", "expr"], "properties": {
                    "kind": {"type": "string", "enum": ["cron"]}, "expr": schema("cron"), "tz": schema("tz")}},
                "payload": {"type": "object", "required": ["kind", "message"], "properties": {
                    "kind": {"type": "string", "enum": ["agentTurn"]}, "message": schema("words")}},
            },
            "description": "Schedules may also be of the kinds \"every\" and \"at\", payloads of the kind \"systemEvent\".",
        }),
        "context" => json!({"type": "object",
            "properties": {"timezone": {"type": "string"}, "language": {"type": "string"}}}),
        "messages" => json!({"type": "array", "minItems": 1, "items": {"type": "object",
            "required": ["role", "content"],
            "properties": {"role": {"type": "string", "enum": ["user"]}, "content": {"type": "string", "minLength": 1}}},
            "description": "The last message must be the user's; earlier ones may have any role."}),
        _ => json!({"type": "string"}),
    }
}

fn object(fields: &[(&str, &str)], nullable: bool) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, kind) in fields {
        let bare = name.trim_start_matches('!');
        if bare.len() < name.len() {
            required.push(bare);
        }
        let mut schema = schema(kind);
        // What may be left out may be null as well.
        if bare.len() == name.len() && nullable {
            schema = json!({"anyOf": [schema, {"type": "null"}]});
        }
        properties.insert(bare.to_owned(), schema);
    }
    let mut out = json!({"type": "object", "properties": properties});
    if let Some(map) = out.as_object_mut().filter(|_| !required.is_empty()) {
        map.insert("required".into(), json!(required));
    }
    out
}

fn answer(answer: Answer) -> Value {
    let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
    let events = json!({"schema": {"type": "object", "properties": {"data": {"type": "string"}}}});
    let content = match answer {
        Answer::Object(fields) => json_of(object(fields, false)),
        Answer::List(fields) => json_of(json!({"type": "array", "items": object(fields, false)})),
        Answer::Stream => json!({ "text/event-stream": events }),
        Answer::Either(fields) => {
            let mut both = json_of(object(fields, false));
            crate::ws::merge(&mut both, json!({ "text/event-stream": events }));
            both
        }
        Answer::Nothing => return json!({"description": "Done"}),
    };
    json!({"description": "Done", "content": content})
}

const REFUSALS: &[(&str, &str)] = &[
    ("400", "The request makes no sense"),
    ("401", "The token is missing or wrong"),
    ("403", "The key does not allow it"),
    ("404", "There is no such path or thing"),
    ("409", "It is there already"),
    ("405", "The method is not for this path"),
    ("408", "The request did not arrive in time"),
    ("413", "The body is too large"),
    ("429", "Too many requests; see Retry-After"),
    ("500", "The agent failed"),
    ("501", "The gateway behind this one cannot do it"),
    ("503", "Starting up; retry soon"),
];

fn operation(call: &Call) -> Value {
    let mut responses = Map::new();
    responses.insert("200".into(), answer(call.answer));
    for (status, description) in REFUSALS {
        responses.insert(
            (*status).to_owned(),
            json!({"description": description,
            "content": {"application/json": {"schema": {"type": "object", "required": ["error"]}}}}),
        );
    }
    let mut parameters = Vec::new();
    for part in call.path.split('/').filter_map(|p| p.strip_prefix('{')) {
        let name = part.trim_end_matches('}');
        parameters.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}));
    }
    for (name, kind) in call.query {
        let bare = name.trim_start_matches('!');
        parameters.push(
            json!({"name": bare, "in": "query", "required": bare.len() < name.len(), "schema": schema(kind)}),
        );
    }
    let mut out = json!({"summary": call.summary, "operationId": format!("{} {}", call.method, call.path),
        "parameters": parameters, "responses": responses});
    if let Some(map) = out.as_object_mut() {
        if !call.body.is_empty() {
            map.insert(
                "requestBody".into(),
                json!({"required": true, "content": {"application/json": {"schema": object(call.body, true)}}}),
            );
        }
        if matches!(call.path, "/health" | "/api/health" | "/api/v1/health") {
            map.insert("security".into(), json!([]));
        }
    }
    out
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut paths: Map<String, Value> = Map::new();
    for call in CALLS {
        let path = paths.entry(call.path.to_owned()).or_insert_with(|| json!({}));
        crate::ws::merge(path, json!({ call.method: operation(call) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Clawtray gateway", "version": env!("CARGO_PKG_VERSION"),
            "description": "Five documented HTTP dialects of OpenClaw gateways, side by side."},
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "paths": paths,
    })
});

/// `GET /openapi.json`.
pub(crate) async fn document() -> Json<&'static Value> {
    Json(&DOCUMENT)
}
