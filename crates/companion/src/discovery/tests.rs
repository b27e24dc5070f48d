use super::*;

#[derive(Default)]
struct Fake {
    variables: Vec<(&'static str, &'static str)>,
    files: Vec<(&'static str, &'static str)>,
    open: Vec<u16>,
    announced: Vec<Nearby>,
}
#[async_trait]
impl Surroundings for Fake {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    }
    fn read(&self, path: &Path) -> Option<String> {
        self.files
            .iter()
            .find(|(key, _)| Path::new(key) == path)
            .map(|(_, text)| (*text).to_owned())
    }
    async fn answers(&self, _: &str, port: u16) -> bool {
        self.open.contains(&port)
    }
    async fn nearby(&self) -> Vec<Nearby> {
        self.announced.clone()
    }
}
async fn line(fake: &Fake) -> Vec<String> {
    let found = discover(fake).await;
    found
        .iter()
        .map(|f| {
            let token = f.token.as_ref().map_or("-", Secret::expose);
            format!(
                "{} | {} | {token} | {}",
                f.source.told(Language::English),
                f.url,
                f.reachable
            )
        })
        .collect()
}

#[tokio::test]
async fn files_of_every_dialect() {
    for (name, text, expected) in [
        (
            "/h/.openclaw/openclaw.json",
            "{ gateway: { port: 4000, auth: { mode: 'token', token: 't1' }, }, } // json5",
            "~/.openclaw/openclaw.json | ws://127.0.0.1:4000 | t1 | false",
        ),
        (
            "/h/.openclaw/openclaw.json",
            r#"{"gateway":{"auth":{"token":"t2"},"server":{"host":"0.0.0.0","port":5050}}}"#,
            "~/.openclaw/openclaw.json | http://127.0.0.1:5050 | t2 | false",
        ),
        (
            "/h/.openclaw/openclaw.json",
            r#"{"gateway":{"auth":{"token":"${SECRET}"}}}"#,
            "~/.openclaw/openclaw.json | ws://127.0.0.1:18789 | from-env | false",
        ),
        (
            "/h/.openclaw/openclaw.yml",
            "gateway:\n  token: t3 # mine\n  port: 3000\n",
            "~/.openclaw/openclaw.yml | http://127.0.0.1:3000 | t3 | false",
        ),
        (
            "/h/.openclaw/openclaw.json5",
            "{ gateway: { apiEnabled: true, apiKeys: [{ key: 'oclaw_live_1', label: 'x' }] } } // no port",
            "~/.openclaw/openclaw.json5 | http://127.0.0.1:3000 | oclaw_live_1 | false",
        ),
        (
            "/h/.openclaw/openclaw.json5",
            "{ gateway: { port: 3001, host: '192.168.1.4', apiKeys: ['k1', 'k2'] } }",
            "~/.openclaw/openclaw.json5 | http://192.168.1.4:3001 | k1 | false",
        ),
    ] {
        let fake = Fake {
            variables: vec![("HOME", "/h"), ("SECRET", "from-env")],
            files: vec![(name, text)],
            ..Fake::default()
        };
        assert_eq!(line(&fake).await, [expected]);
    }
    for broken in ["", "{", "[]", "{gateway: 3}", "{other: {}}"] {
        let fake = Fake {
            variables: vec![("HOME", "/h")],
            files: vec![
                ("/h/.openclaw/openclaw.json", broken),
                ("/h/.openclaw/openclaw.yml", broken),
            ],
            ..Fake::default()
        };
        assert!(line(&fake).await.is_empty(), "{broken:?}");
    }
}

#[tokio::test]
async fn the_environment_comes_first_and_addresses_are_listed_once() {
    let file = (
        "/h/.openclaw/openclaw.json",
        "{gateway:{port:18789,auth:{token:'file'}}}",
    );
    type Case = (
        &'static [(&'static str, &'static str)],
        &'static [u16],
        &'static [&'static str],
    );
    let cases: &[Case] = &[
        (
            &[
                ("OPENCLAW_GATEWAY_URL", "wss://gw.example/?token=q"),
                ("OPENCLAW_GATEWAY_TOKEN", "env"),
            ],
            &[18789],
            &[
                "OPENCLAW_GATEWAY_URL | wss://gw.example | env | false",
                "~/.openclaw/openclaw.json | ws://127.0.0.1:18789 | file | true",
            ],
        ),
        (
            &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789")],
            &[18789],
            &["OPENCLAW_GATEWAY_URL | ws://127.0.0.1:18789 | file | true"],
        ),
        (
            &[("OPENCLAW_AUTH_TOKEN", "d1")],
            &[],
            &[
                "OPENCLAW_AUTH_TOKEN | http://127.0.0.1:5050 | d1 | false",
                "~/.openclaw/openclaw.json | ws://127.0.0.1:18789 | file | false",
            ],
        ),
        (
            &[],
            &[18789],
            &["~/.openclaw/openclaw.json | ws://127.0.0.1:18789 | file | true"],
        ),
    ];
    for (variables, open, expected) in cases {
        let mut all = vec![("HOME", "/h")];
        all.extend(variables.iter().copied());
        let fake = Fake {
            variables: all,
            files: vec![file],
            open: open.to_vec(),
            ..Fake::default()
        };
        assert_eq!(line(&fake).await, *expected);
    }
    let bare = Fake {
        open: vec![DEFAULT_PORT],
        ..Fake::default()
    };
    assert_eq!(
        line(&bare).await,
        ["the default port on this computer | ws://127.0.0.1:18789 | - | true"]
    );
    assert!(line(&Fake::default()).await.is_empty());
}

#[test]
fn a_found_token_prints_as_dots() {
    let shown = format!(
        "{:?}",
        found("ws://h".into(), Source::LocalNetwork, Some("canary-token".into()))
    );
    assert!(!shown.contains("canary-token"));
}

#[tokio::test]
async fn what_announces_itself_is_shown_by_its_own_name() {
    let announce = |name: &str, url: &str| Nearby {
        name: name.to_owned(),
        url: url.to_owned(),
    };
    let around = Fake {
        announced: vec![
            announce("Living room", "wss://192.168.1.9:18789"),
            announce("", "ws://192.168.1.10:18789"),
            announce("Odd", "javascript:alert(1)"),
        ],
        ..Fake::default()
    };
    let found = discover_nearby(&around).await;
    let said: Vec<_> = found
        .iter()
        .map(|f| (f.name.as_deref(), f.url.as_str(), f.reachable))
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0], (Some("Living room"), "wss://192.168.1.9:18789", true));
    assert_eq!(
        (said[1].1, found[1].token.is_none()),
        ("ws://192.168.1.10:18789", true)
    );
}

#[test]
fn variables_that_a_configuration_takes_its_secrets_from_are_known() {
    let fake = Fake {
        variables: vec![("HOME", "/h")],
        files: vec![(
            "/h/.openclaw/openclaw.json",
            r#"{"gateway":{"host":"${MY_HOST}","auth":{"token":"${MY_TOKEN}","password":"plain"},
                "apiKeys":["${KEY_ONE}",{"key":"${KEY_TWO}","label":"$KEY"}]},"channels":{"token":"${ELSEWHERE}"}}"#,
        )],
        ..Fake::default()
    };
    let mut names = secret_variables(&fake);
    names.sort();
    assert_eq!(names, ["KEY_ONE", "KEY_TWO", "MY_TOKEN"]);
    assert!(secret_variables(&Fake::default()).is_empty());
}
