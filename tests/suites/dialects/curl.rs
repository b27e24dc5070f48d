//! Runs curl and reads its answer.

use serde_json::Value;
use std::collections::HashMap;
use std::process::{Command, Stdio};

/// curl with a base address and a token.
pub(crate) struct Curl {
    base: String,
    token: Option<String>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Curl {
    pub(crate) fn new(base: &str, token: &str) -> Self {
        Self {
            base: base.to_owned(),
            token: Some(token.to_owned()),
        }
    }

    pub(crate) fn without_token(&self) -> Self {
        Self {
            base: self.base.clone(),
            token: None,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut curl = Command::new("curl");
        // Not the user's own settings, and no proxy.
        curl.args([
            "-q",
            "-sS",
            "-i",
            "-N",
            "--noproxy",
            "*",
            "--max-time",
            "120",
            "-X",
            method,
        ]);
        if let Some(token) = &self.token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        if let Some(body) = body {
            curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let output = curl
            .arg(format!("{}{path}", self.base))
            .stdin(Stdio::null())
            .output();
        let output = output.expect("curl is installed");
        assert!(output.status.success(), "{method} {path}: {output:?}");
        Answer::read(&String::from_utf8(output.stdout).unwrap())
    }
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let answer = Self {
            status,
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        };
        // D5: on every response.
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            assert!(answer.header(name).parse::<u64>().is_ok(), "{name}: {answer:?}");
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// A 200 without a body.
    pub(crate) fn nothing(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, ""), "{self:?}");
    }

    /// A refusal: its status, its code, and a sentence.
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(body["error"], code, "{self:?}");
        assert!(
            body["message"].as_str().is_some_and(|words| words.contains(' ')),
            "{self:?}"
        );
    }

    /// The `data:` lines of a stream.
    pub(crate) fn data(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(
            self.header("content-type").starts_with("text/event-stream"),
            "{self:?}"
        );
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(str::to_owned).collect()
    }

    /// The same, each as JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self.data();
        data.iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
