use super::{Arguments, HELP, Parsed, parse};

fn check(line: &str, expected: Parsed) {
    assert_eq!(parse(line.split_whitespace().map(Into::into)), expected, "{line}");
}

#[test]
fn options() {
    let none = Arguments::default();
    check("", Parsed::Run(none.clone()));
    check(
        "--toggle",
        Parsed::Run(Arguments {
            toggle: true,
            ..none.clone()
        }),
    );
    let open = Arguments {
        open: Some("agent:main:main".into()),
        ..none.clone()
    };
    check("--open agent:main:main", Parsed::Run(open.clone()));
    check("--open=agent:main:main", Parsed::Run(open));
    let all = Arguments {
        hidden: true,
        embedded: true,
        accept_environment: true,
        test_window: true,
        ..none.clone()
    };
    check(
        "--hidden --embedded --accept-environment --test-window",
        Parsed::Run(all),
    );
    let link = "clawtray://session/agent:main:main?text=a=b";
    check(
        link,
        Parsed::Run(Arguments {
            link: Some(link.into()),
            ..none
        }),
    );
    check("--embedded --version", Parsed::Version);
    check("-h", Parsed::Help);
}

#[test]
fn mistakes_are_named() {
    for line in [
        "--open",
        "--open=",
        "--hidden=yes",
        "--nonsense",
        "session",
        "https://example.org",
    ] {
        let parsed = parse(line.split_whitespace().map(Into::into));
        assert!(matches!(parsed, Parsed::Wrong(_)), "{line}: {parsed:?}");
    }
}

#[test]
fn the_manual_page_has_every_option() {
    let page = include_str!("../../linux/clawtray.1").replace('\\', "");
    let options: Vec<&str> = HELP
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .collect();
    assert!(options.len() >= 8, "{options:?}");
    for option in options {
        assert!(page.contains(option), "{option}");
    }
}
