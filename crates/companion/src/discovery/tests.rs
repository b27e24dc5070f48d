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
    fn folders(&self, folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = self
            .files
            .iter()
            .filter_map(|(path, _)| Path::new(path).strip_prefix(folder).ok())
            .filter_map(|rest| rest.iter().next()?.to_str().map(str::to_owned))
            .collect();
        names.dedup();
        names
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
                "apiKeys":["${KEY_ONE}",{"key":"$KEY_TWO","label":"key"}],
                "remote":{"token":{"source":"env","provider":"default","id":"FAR_TOKEN"}}},"channels":{"token":"${ELSEWHERE}"}}"#,
        )],
        ..Fake::default()
    };
    assert_eq!(
        secret_variables(&fake),
        ["FAR_TOKEN", "KEY_ONE", "KEY_TWO", "MY_TOKEN"]
    );
    assert!(secret_variables(&Fake::default()).is_empty());
}

const CONFIG: &str = "/h/.openclaw/openclaw.json";

/// Source, address, token, spare token, certificate and note of what is found.
fn told(variables: &[(&'static str, &'static str)], files: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut variables = variables.to_vec();
    variables.push(("HOME", "/h"));
    let fake = Fake {
        variables,
        files: files.to_vec(),
        ..Fake::default()
    };
    from_files(&fake)
        .iter()
        .map(|found| {
            let mut line = format!("{} {}", found.source.told(Language::English), found.url);
            if let Some(token) = &found.token {
                line.push_str(&format!(" token={}", token.expose()));
            }
            if let Some(spare) = &found.spare {
                line.push_str(&format!(" spare={}", spare.expose()));
            }
            if let Some(certificate) = &found.certificate {
                line.push_str(&format!(
                    " certificate={}",
                    certificate.get(..8).unwrap_or_default()
                ));
            }
            if let Some(note) = &found.note {
                line.push_str(&format!(" note={note:?}"));
            }
            line
        })
        .collect()
}

#[test]
fn a_token_is_read_in_every_form_of_the_gateways_documentation() {
    let env = (
        "/h/.openclaw/.env",
        "# mine\nexport GW_TOKEN='from dotenv' # x\nEMPTY=\n",
    );
    let file = ("/h/.openclaw/secrets.json", r#"{"gateway":{"a/b":"from file"}}"#);
    let single = ("/h/token.txt", "from single\r\n");
    for (gateway, rest, expected) in [
        ("auth: {token: '${GW_TOKEN}'}", "", "token=from dotenv"),
        ("auth: {token: '$GW_TOKEN'}", "", "token=from dotenv"),
        ("auth: {token: 'x-${GW_TOKEN}'}", "", "token=x-from dotenv"),
        ("auth: {token: '$${GW_TOKEN}'}", "", "token=${GW_TOKEN}"),
        ("auth: {token: 'plain$5{'}", "", "token=plain$5{"),
        (
            "auth: {token: '${IN_CONFIG}'}",
            "env: {vars: {IN_CONFIG: 'c'}}",
            "token=c",
        ),
        (
            "auth: {token: '${IN_CONFIG}'}",
            "env: {IN_CONFIG: 'c'}",
            "token=c",
        ),
        (
            "auth: {token: {source: 'env', provider: 'default', id: 'GW_TOKEN'}}",
            "",
            "token=from dotenv",
        ),
        (
            "auth: {token: {source: 'env', provider: 'some', id: 'GW_TOKEN'}}",
            "secrets: {providers: {some: {source: 'env', allowlist: []}}}",
            "note=TokenElsewhere(\"$GW_TOKEN\")",
        ),
        (
            "auth: {token: {source: 'file', provider: 'main', id: '/gateway/a~1b'}}",
            "secrets: {providers: {main: {source: 'file', path: '~/.openclaw/secrets.json'}}}",
            "token=from file",
        ),
        (
            "auth: {token: {source: 'file', provider: 'one', id: 'value'}}",
            "secrets: {providers: {one: {source: 'file', path: '/h/token.txt', mode: 'singleValue'}}}",
            "token=from single",
        ),
        (
            "auth: {token: {source: 'file', provider: 'gone', id: 'value'}}",
            "secrets: {providers: {gone: {source: 'file', path: '/gone', mode: 'singleValue'}}}",
            "note=TokenElsewhere(\"/gone\")",
        ),
        (
            "auth: {token: {source: 'exec', provider: 'vault', id: 'x'}}",
            "secrets: {providers: {vault: {source: 'exec', command: '/usr/bin/vault'}}}",
            "note=TokenElsewhere(\"/usr/bin/vault\")",
        ),
        (
            "auth: {token: {source: 'store', provider: 'default', id: 'GW'}}",
            "",
            "note=TokenElsewhere(\"store:GW\")",
        ),
        // A reference that names nothing hides no other token.
        ("auth: {token: '${EMPTY}'}", "", "note=TokenElsewhere(\"$EMPTY\")"),
        (
            "auth: {token: '__OPENCLAW_REDACTED__'}",
            "",
            "note=TokenPlaceholder",
        ),
        ("auth: {token: 'undefined'}", "", "note=TokenPlaceholder"),
        ("auth: {token: 'null'}", "", "note=TokenPlaceholder"),
        // Of two, the mode says which.
        (
            "auth: {mode: 'password', token: 't', password: 'p'}",
            "",
            "token=p",
        ),
        ("auth: {mode: 'token', token: 't', password: 'p'}", "", "token=t"),
        ("auth: {mode: 'trusted-proxy', password: 'p'}", "", "token=p"),
        ("auth: {password: '${GW_TOKEN}'}", "", "token=from dotenv"),
        ("remote: {token: 'r'}", "", "token=r"),
    ] {
        let text = format!("{{gateway: {{{gateway}}}, {rest}}}").leak();
        assert_eq!(
            told(&[], &[(CONFIG, text), env, file, single]),
            [format!(
                "~/.openclaw/openclaw.json ws://127.0.0.1:18789 {expected}"
            )],
            "{text}"
        );
    }
    // The process comes before every file; without any, no token is asked for in vain.
    let text = "{gateway: {auth: {token: '${GW_TOKEN}'}}}";
    assert_eq!(
        told(&[("GW_TOKEN", "process")], &[(CONFIG, text), env]),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:18789 token=process"]
    );
    assert_eq!(
        told(
            &[("OPENCLAW_GATEWAY_TOKEN", "t")],
            &[(CONFIG, "{gateway: {auth: {mode: 'none'}}}")]
        ),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:18789"]
    );
    assert_eq!(
        told(
            &[("OPENCLAW_GATEWAY_PASSWORD", "p")],
            &[(CONFIG, "{gateway: {auth: {mode: 'password'}}}")]
        ),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:18789 token=p"]
    );
}

#[test]
fn a_configuration_in_several_files_is_read_as_one() {
    let files = [
        (
            CONFIG,
            "{$include: ['./base.json5', 'deep/over.json5'], gateway: {auth: {token: 'own'}}}",
        ),
        (
            "/h/.openclaw/base.json5",
            "{gateway: {port: 1111, auth: {token: 'base'}}}",
        ),
        (
            "/h/.openclaw/deep/over.json5",
            "{gateway: {$include: '../port.json5'}}",
        ),
        ("/h/.openclaw/port.json5", "{port: 4444}"),
    ];
    assert_eq!(
        told(&[], &files),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:4444 token=own"]
    );
    // Outside of the folder only where the gateway allows it.
    let outside = [
        (CONFIG, "{gateway: {port: 5, $include: '/etc/claw.json5'}}"),
        ("/etc/claw.json5", "{auth: {token: 'etc'}}"),
    ];
    assert_eq!(
        told(&[], &outside),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:5"]
    );
    assert_eq!(
        told(&[("OPENCLAW_INCLUDE_ROOTS", "/etc")], &outside),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:5 token=etc"]
    );
    // A file that includes itself ends.
    let circle = [(
        CONFIG,
        "{gateway: {port: 6}, other: {$include: './openclaw.json'}}",
    )];
    assert_eq!(told(&[], &circle), ["~/.openclaw/openclaw.json ws://127.0.0.1:6"]);
}

#[test]
fn the_gateway_that_this_computers_openclaw_uses_comes_first() {
    let remote = "{gateway: {mode: 'remote', port: 18789, auth: {token: 'local'},
        remote: {url: 'wss://box.example.ts.net', token: 'r', tlsFingerprint: 'AB:CD:REST'}}}";
    let long = "AB:".repeat(31) + "AB";
    let remote = remote.replace("AB:CD:REST", &long).leak();
    assert_eq!(
        told(&[("OPENCLAW_GATEWAY_TOKEN", "env")], &[(CONFIG, remote)]),
        ["~/.openclaw/openclaw.json wss://box.example.ts.net token=r certificate=abababab"]
    );
    for (variables, auth, expected) in [
        (&[("OPENCLAW_GATEWAY_TOKEN", "env")][..], "", "token=env"),
        (&[][..], "auth: {token: 'local'},", "token=local"),
        (&[][..], "auth: {password: 'local'},", "token=local"),
        (
            &[("OPENCLAW_GATEWAY_PASSWORD", "env")][..],
            "auth: {password: 'local'},",
            "token=env",
        ),
    ] {
        let text =
            format!("{{gateway: {{mode: 'remote', {auth} remote: {{url: 'ws://10.0.0.2:1'}}}}}}").leak();
        assert_eq!(
            told(variables, &[(CONFIG, text)]),
            [format!("~/.openclaw/openclaw.json ws://10.0.0.2:1 {expected}")],
            "{text}"
        );
    }
}

#[test]
fn a_gateway_behind_ssh_is_offered_by_its_ssh_address() {
    for (remote, expected) in [
        (
            "url: 'ws://127.0.0.1:18790', sshTarget: 'me@box:2222', remotePort: 19001, token: 'r'",
            "ssh://me@box:2222/19001 token=r",
        ),
        ("url: 'ws://127.0.0.1:18790', sshTarget: 'box'", "ssh://box/18790"),
        (
            "url: 'ws://10.0.0.9:1', sshTarget: 'box', transport: 'direct'",
            "ws://10.0.0.9:1",
        ),
    ] {
        let text = format!("{{gateway: {{mode: 'remote', remote: {{{remote}}}}}}}").leak();
        assert_eq!(
            told(&[], &[(CONFIG, text)]),
            [format!("~/.openclaw/openclaw.json {expected}")]
        );
    }
}

#[test]
fn folders_of_profiles_and_of_the_environment_are_looked_at() {
    let config = |port: u16| -> &'static str { format!("{{gateway: {{port: {port}}}}}").leak() };
    let usual = (CONFIG, config(1));
    let rescue = ("/h/.openclaw-rescue/openclaw.json", config(2));
    assert_eq!(
        told(&[], &[usual, rescue]),
        [
            "~/.openclaw/openclaw.json ws://127.0.0.1:1",
            "~/.openclaw-rescue/openclaw.json ws://127.0.0.1:2"
        ]
    );
    assert_eq!(
        told(
            &[("OPENCLAW_PROFILE", "rescue"), ("OPENCLAW_GATEWAY_TOKEN", "t")],
            &[usual, rescue]
        ),
        [
            "~/.openclaw-rescue/openclaw.json ws://127.0.0.1:2 token=t",
            "~/.openclaw/openclaw.json ws://127.0.0.1:1"
        ]
    );
    let elsewhere = [
        ("/h/svc/.openclaw/openclaw.json", config(3)),
        ("/data/openclaw.json", config(4)),
        ("/etc/claw.json", config(5)),
    ];
    assert_eq!(
        told(&[("OPENCLAW_HOME", "~/svc")], &elsewhere),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:3"]
    );
    assert_eq!(
        told(&[("OPENCLAW_STATE_DIR", "/data")], &elsewhere),
        ["/data/openclaw.json ws://127.0.0.1:4"]
    );
    assert_eq!(
        told(
            &[
                ("OPENCLAW_HOME", "undefined"),
                ("OPENCLAW_CONFIG_PATH", "/etc/claw.json"),
                ("OPENCLAW_GATEWAY_PORT", "55")
            ],
            &elsewhere
        ),
        ["OPENCLAW_CONFIG_PATH ws://127.0.0.1:55"]
    );
}

#[test]
fn a_gateway_with_tls_is_offered_with_its_certificate() {
    // The certificate is the text "abc"; its SHA-256 is a published test vector.
    let pem = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
    let tls = "{gateway: {tls: {enabled: true}}}";
    assert_eq!(
        told(
            &[],
            &[(CONFIG, tls), ("/h/.openclaw/gateway/tls/gateway-cert.pem", pem)]
        ),
        ["~/.openclaw/openclaw.json wss://127.0.0.1:18789 certificate=ba7816bf"]
    );
    let own = "{gateway: {tls: {enabled: true, certPath: '~/my.crt'}}}";
    assert_eq!(
        told(&[], &[(CONFIG, own), ("/h/my.crt", pem)]),
        ["~/.openclaw/openclaw.json wss://127.0.0.1:18789 certificate=ba7816bf"]
    );
    assert_eq!(
        told(&[], &[(CONFIG, tls)]),
        ["~/.openclaw/openclaw.json wss://127.0.0.1:18789"]
    );
}

#[tokio::test]
async fn a_token_of_the_environment_does_not_hide_the_configured_gateway() {
    let file = (CONFIG, "{gateway: {port: 19001, auth: {token: 'A'}}}");
    assert_eq!(
        told(&[("OPENCLAW_GATEWAY_TOKEN", "B")], &[file]),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:19001 token=A spare=B"]
    );
    let with = |variables: &[(&'static str, &'static str)], files: &[(&'static str, &'static str)]| Fake {
        variables: [&[("HOME", "/h")], variables].concat(),
        files: files.to_vec(),
        ..Fake::default()
    };
    assert_eq!(
        line(&with(&[("OPENCLAW_GATEWAY_TOKEN", "B")], &[file])).await,
        ["~/.openclaw/openclaw.json | ws://127.0.0.1:19001 | A | false"]
    );
    for name in ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"] {
        assert_eq!(
            line(&with(&[(name, "B"), ("OPENCLAW_GATEWAY_PORT", "19002")], &[])).await,
            [format!("{name} | ws://127.0.0.1:19002 | B | false")]
        );
    }
    let taken = from_environment(&with(&[("OPENCLAW_GATEWAY_TOKEN", "B")], &[file])).unwrap();
    assert_eq!(taken.url, "ws://127.0.0.1:19001");
    assert!(from_environment(&with(&[("OPENCLAW_GATEWAY_TOKEN", "undefined")], &[])).is_none());
}

#[test]
fn an_old_folder_is_told_with_the_command_that_moves_it() {
    let old = (
        "/h/.clawdbot/clawdbot.json",
        "{gateway: {port: 7, auth: {token: 'old'}}}",
    );
    assert_eq!(
        told(&[], &[old]),
        ["~/.clawdbot/clawdbot.json ws://127.0.0.1:7 token=old note=OldFolder"]
    );
    assert_eq!(Note::OldFolder.command(), "openclaw doctor");
    assert_eq!(
        told(&[], &[old, (CONFIG, "{gateway: {port: 8}}")]),
        ["~/.openclaw/openclaw.json ws://127.0.0.1:8"]
    );
}
