use super::*;

fn read(name: &str, text: &str) -> Result<ConfigFile, String> {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join(name);
    std::fs::write(&path, text).expect("write");
    let around = |name: &str| match name {
        "SECRET" => Some("from-env\n".to_owned()),
        "BLANK" => Some(" \n".to_owned()),
        _ => None,
    };
    let said = |error: ConfigFileError| error.to_string().replace(&format!("{}", path.display()), name);
    ConfigFile::read(&path, around).map_err(said)
}

#[test]
fn the_files_of_three_write_ups() {
    let d1 =
        r#"{"gateway":{"auth":{"token":"${SECRET}"},"server":{"host":"0.0.0.0","port":5050}},"agents":[]}"#;
    let d1 = read("openclaw.json", d1).expect("d1");
    assert_eq!((d1.port, d1.token.as_deref()), (Some(5050), Some("from-env")));
    assert_eq!(d1.host, Some(Ipv4Addr::UNSPECIFIED.into()));
    let d2 = read("openclaw.yml", "gateway:\n  token: t2 # mine\n  port: 3000\n").expect("d2");
    assert_eq!(
        (d2.port, d2.token.as_deref(), d2.host),
        (Some(3000), Some("t2"), None)
    );
    let d4 = r"{ gateway: {
        port: 3001, host: 'localhost', apiEnabled: true, // served
        apiKeys: ['first-key', { key: '${SECRET}', label: 'ci', workspaces: ['ops'], permissions: ['stats:read'] }],
        cors: { origins: ['http://localhost:8080'], methods: ['get', 'POST'] },
        rateLimit: { maxRequestsPerMinute: 60, maxTokensPerDay: 5000, perKey: true },
        webhooks: [{ url: 'http://127.0.0.1:9/hook', secret: 'hush', events: ['message.sent'], retries: 1, timeoutMs: 200 }],
    } }";
    let d4 = read("openclaw.json5", d4).expect("d4");
    assert!(!format!("{d4:?}").contains("first-key"));
    let mut config = Config::new("/nowhere", Some("own".into()));
    d4.apply(&mut config);
    assert_eq!(config.bind.to_string(), "127.0.0.1:3001");
    assert_eq!(config.token.as_deref(), Some("own"), "the file has none");
    assert_eq!(config.origins, ["http://localhost:8080"]);
    assert_eq!(config.cors_methods, [Method::GET, Method::POST]);
    let keys: Vec<_> = config.keys.iter().map(|k| (k.secret.as_str(), &k.key)).collect();
    let [(one, first), (two, second)] = keys.as_slice() else {
        panic!("{keys:?}");
    };
    assert_eq!((*one, *two), ("first-key", "from-env"));
    assert_eq!((first.label.as_str(), second.label.as_str()), ("key 1", "ci"));
    assert_ne!(first.id, second.id, "each has its own count");
    assert_eq!(
        (first.rate_limit_per_minute, first.tokens_per_day),
        (60, Some(5000))
    );
    assert_eq!(first.permissions, Permission::ALL);
    assert_eq!(
        (second.workspaces.as_slice(), second.permissions.as_slice()),
        (["ops".to_owned()].as_slice(), [Permission::StatsRead].as_slice())
    );
    let [hook] = config.webhooks.as_slice() else {
        panic!()
    };
    assert_eq!((hook.retries, hook.timeout), (1, Duration::from_millis(200)));
}

#[test]
fn one_count_for_all_keys_is_one_id() {
    let text = "{gateway: {apiKeys: ['a', 'b'], rateLimit: {perKey: false}}}";
    let ids: Vec<_> = read("c.json5", text)
        .expect("read")
        .keys
        .into_iter()
        .map(|k| k.key.id)
        .collect();
    assert_eq!(ids, ["configured", "configured"]);
}

#[test]
fn what_is_wrong_is_named_and_no_value_is_repeated() {
    for (text, expected) in [
        ("{}", "c.json5: gateway is missing"),
        ("[]", "c.json5: the file is not an object"),
        (
            "{\n gateway: {\n port: canary }",
            "c.json5 has a syntax error at line 3",
        ),
        ("{gateway: 'canary'}", "c.json5: gateway must be an object"),
        (
            "{gateway: {port: 'canary'}}",
            "c.json5: gateway.port must be a port, 0 to 65535",
        ),
        (
            "{gateway: {port: 70000}}",
            "c.json5: gateway.port must be a port, 0 to 65535",
        ),
        (
            "{gateway: {host: 'canary.example'}}",
            "c.json5: gateway.host is not an address of this computer, such as 127.0.0.1",
        ),
        (
            "{gateway: {apiEnabled: false}}",
            "c.json5: gateway.apiEnabled is false; set it to true to serve the HTTP APIs",
        ),
        (
            "{gateway: {apiKeys: 'canary'}}",
            "c.json5: gateway.apiKeys must be a list",
        ),
        (
            "{gateway: {apiKeys: [7]}}",
            "c.json5: gateway.apiKeys[0] must be a key, or an object with the field key",
        ),
        (
            "{gateway: {auth: {token: '${NONE}'}}}",
            "c.json5: gateway.auth.token is empty",
        ),
        (
            "{gateway: {auth: {token: ''}, token: 'canary'}}",
            "c.json5: gateway.auth.token is empty",
        ),
        (
            "{gateway: {auth: {token: '${BLANK}'}}}",
            "c.json5: gateway.auth.token is empty",
        ),
        ("{gateway: {token: ' '}}", "c.json5: gateway.token is empty"),
        (
            "{gateway: {apiKeys: ['${NONE}']}}",
            "c.json5: gateway.apiKeys[0] is empty",
        ),
        (
            "{gateway: {apiKeys: [{key: '${NONE}'}]}}",
            "c.json5: gateway.apiKeys[0].key is empty",
        ),
        (
            "{gateway: {apiKeys: [{label: 'canary'}]}}",
            "c.json5: gateway.apiKeys[0].key is missing",
        ),
        (
            "{gateway: {webhooks: [{url: 'http://canary', secret: '${NONE}'}]}}",
            "c.json5: gateway.webhooks[0].secret is empty",
        ),
        (
            "{gateway: {apiKeys: [{key: 'k', permissions: ['canary']}]}}",
            "c.json5: gateway.apiKeys[0].permissions has an unknown name",
        ),
        (
            "{gateway: {rateLimit: {maxRequestsPerMinute: 0}}}",
            "c.json5: gateway.rateLimit.maxRequestsPerMinute must be a whole number of 1 or more",
        ),
        (
            "{gateway: {cors: {methods: ['ca nary']}}}",
            "c.json5: gateway.cors.methods has an unknown HTTP method",
        ),
        (
            "{gateway: {webhooks: [{url: 'http://canary'}]}}",
            "c.json5: gateway.webhooks[0].secret is missing",
        ),
    ] {
        assert_eq!(read("c.json5", text).expect_err(text), expected);
    }
    let yaml = read("c.yml", "gateway:\n  token: [canary\n").expect_err("broken");
    assert!(yaml.starts_with("c.yml has a syntax error at line"), "{yaml}");
    assert!(!yaml.contains("canary"));
    let missing = ConfigFile::read(Path::new("/nowhere/openclaw.json5"), |_| None).expect_err("missing");
    assert_eq!(missing.to_string(), "/nowhere/openclaw.json5 cannot be read");
}
