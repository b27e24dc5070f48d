use super::*;
use crate::store::{SearchQuery, StoreError, StoreHit};
use serde_json::json;

fn ask(text: &str) -> SearchQuery {
    SearchQuery {
        text: text.to_owned(),
        gateway: HOME.to_owned(),
        limit: 50,
        ..SearchQuery::default()
    }
}

fn ids(hits: &[StoreHit]) -> Vec<String> {
    let mut ids: Vec<String> = hits
        .iter()
        .map(|hit| match &hit.message {
            Some(message) => message.meta.id.as_ref().unwrap().to_string(),
            None => format!("title:{}", hit.session),
        })
        .collect();
    ids.sort();
    ids
}

const TEXTS: [(&str, &str); 14] = [
    ("en", "The quick brown fox jumps over the lazy dog"),
    ("de", "Die Größe der Straße in München muss überprüft werden"),
    ("zh", "请检查数据库的备份是否完成"),
    ("ja", "データベースのバックアップを確認してください"),
    ("ko", "데이터베이스 백업을 확인해 주세요"),
    ("ru", "Ёлка стоит в углу, проверь резервную копию"),
    ("fr", "L’été dernier, nous avons déployé le cœur du système"),
    ("th", "กรุณาตรวจสอบการสำรองข้อมูล"),
    ("hi", "कृपया बैकअप की जाँच करें"),
    ("ar", "يرجى التحقق من النسخة الاحتياطية"),
    (
        "code",
        "fn main() { let snake_case = fooBar::new(\"a/b-c.rs\"); }",
    ),
    ("emoji", "Deployed 🚀 to v2026.9.6"),
    ("mueller", "Bitte an Herrn Mueller schreiben"),
    ("mixed", "使用SQLite存储all messages"),
];

fn library(dir: &TempDir) -> Store {
    let store = open(dir);
    for (n, (id, text)) in (1..).zip(TEXTS) {
        store
            .upsert_messages(
                HOME,
                MAIN,
                &[message(id, n, i64::try_from(n).unwrap() * 60_000, text)],
            )
            .unwrap();
    }
    store
}

#[test]
fn finds_in_every_language() {
    let dir = TempDir::new().unwrap();
    let store = library(&dir);
    for (typed, expected) in [
        ("fox", "en"),
        ("FOX", "en"),
        ("fo", "en code"),
        ("quick dog", "en"),
        ("dog quick", "en"),
        ("\"quick brown\"", "en"),
        ("\"brown quick\"", ""),
        ("\"brown fo", "en"),
        ("größe", "de"),
        ("grosse", "de"),
        ("GRÖSSE", "de"),
        ("straße", "de"),
        ("strasse", "de"),
        ("muenchen", "de"),
        ("münch", "de"),
        ("ueberpruf", "de"),
        ("müller ", "mueller"),
        ("mueller", "mueller"),
        ("数", "zh"),
        ("数据", "zh"),
        ("据数", ""),
        ("数据库的备份", "zh"),
        ("备份 数据", "zh"),
        ("存储", "mixed"),
        ("sqlite存", "mixed"),
        ("デ", "ja"),
        ("バックアップ", "ja"),
        ("ﾊﾞｯｸｱｯﾌﾟ", "ja"),
        ("백업", "ko"),
        ("터베", "ko"),
        ("елка", "ru"),
        ("резервн", "ru"),
        ("ete dernier", "fr"),
        ("coeur", "fr"),
        ("สำรอง", "th"),
        ("बैकअप", "hi"),
        ("النسخة", "ar"),
        ("snake_case", "code"),
        ("snake", "code"),
        ("a/b-c", "code"),
        ("foobar", "code"),
        ("🚀", "emoji"),
        ("2026.9", ""),
        ("v2026.9.6", "emoji"),
        ("d", "de en emoji fr"),
        ("l d", "fr"),
        ("nothing", ""),
    ] {
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        expected.sort_unstable();
        assert_eq!(ids(&store.search(&ask(typed)).unwrap()), expected, "{typed:?}");
    }
}

#[test]
fn what_was_typed_is_in_the_text_with_its_signs() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let texts = [
        ("cpp", "Rewrite it in C++, then in C."),
        ("csharp", "C# has async since 2012"),
        ("c", "the language c and nothing else"),
        ("env", "put the key into .env beside it"),
        ("environment", "the env of the process"),
        ("modules", "rm -rf node_modules/ first"),
        ("node", "node modules of the project"),
        ("arrow", "fn f() -> u8 { a && b }"),
        ("typographic", "don’t use well–known ports"),
        ("heart", "with ❤\u{fe0f}!"),
    ];
    for (n, (id, text)) in (1..).zip(texts) {
        let at_ms = i64::try_from(n).unwrap() * 60_000;
        store
            .upsert_messages(HOME, MAIN, &[message(id, n, at_ms, text)])
            .unwrap();
    }
    for (typed, expected) in [
        ("C++", "cpp"),
        ("c++", "cpp"),
        ("C#", "csharp"),
        (".env", "env"),
        ("env", "env environment"),
        ("node_modules/", "modules"),
        ("node_modules", "modules"),
        ("\"node modules\"", "modules node"),
        ("-rf", "modules"),
        ("->", "arrow"),
        ("u8 {", "arrow"),
        ("a &&", "arrow"),
        ("don't", "typographic"),
        ("well-known", "typographic"),
        ("❤!", "heart"),
        ("❤\u{fe0f}", "heart"),
        ("c --", ""),
    ] {
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        expected.sort_unstable();
        assert_eq!(ids(&store.search(&ask(typed)).unwrap()), expected, "{typed:?}");
    }
    let rows = [
        row("agent:main:cpp", "Port to C++", 5),
        row("agent:main:cup", "A cup of C", 6),
    ];
    store.upsert_sessions(HOME, &rows, title).unwrap();
    assert_eq!(
        ids(&store.search(&ask("C++")).unwrap()),
        ["cpp", "title:agent:main:cpp"]
    );
}

#[test]
fn nothing_typed_is_an_error() {
    let dir = TempDir::new().unwrap();
    let store = library(&dir);
    let pieces = [
        "\"",
        "'",
        "*",
        "(",
        ")",
        "^",
        ":",
        "{",
        "}",
        "+",
        "-",
        "AND",
        "OR",
        "NOT",
        "NEAR(",
        "\\",
        "%",
        "_",
        "\0",
        ";",
        "--",
        "fox",
        "words:",
        "数",
        "🚀",
        "\u{f0001}",
        "\u{100005}",
        " ",
        "\n",
        "“",
        "»",
        ",",
        "é",
        "\u{301}",
    ];
    let mut dice = crate::store::testing::Dice(1);
    for _ in 0..600 {
        let typed: String = (0..1 + dice.below(8))
            .map(|_| pieces[usize::try_from(dice.below(pieces.len() as u64)).unwrap()])
            .collect();
        store
            .search(&ask(&typed))
            .unwrap_or_else(|error| panic!("{typed:?}: {error}"));
    }
    store.search(&ask(&"x".repeat(100_000))).unwrap();
    store.search(&ask(&"ab ".repeat(10_000))).unwrap();
    assert!(
        store
            .search(&SearchQuery {
                limit: 0,
                ..ask("fox")
            })
            .unwrap()
            .is_empty()
    );
}

#[test]
fn filters_by_agent_session_gateway_and_date() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for (n, key) in (1..).zip(["agent:main:a", "agent:main:b", "agent:ops:c", "telegram"]) {
        let at = n * 1_000_000;
        store
            .upsert_messages(HOME, key, &[message(&format!("h{n}"), 1, at, "needle in hay")])
            .unwrap();
    }
    store
        .upsert_sessions(
            HOME,
            &[SessionRow {
                agent_id: Some("ops".into()),
                ..row("telegram", "T", 1)
            }],
            title,
        )
        .unwrap();
    store
        .upsert_messages("work", "agent:main:a", &[message("w", 1, 9_000_000, "needle")])
        .unwrap();
    let found = |change: &dyn Fn(&mut SearchQuery)| {
        let mut query = ask("needle");
        change(&mut query);
        ids(&store.search(&query).unwrap()).join(" ")
    };
    assert_eq!(found(&|_| ()), "h1 h2 h3 h4");
    assert_eq!(found(&|query| query.gateway = "work".to_owned()), "w");
    assert_eq!(found(&|query| query.gateway = "unknown".to_owned()), "");
    assert_eq!(found(&|query| query.agent = Some("main".to_owned())), "h1 h2");
    assert_eq!(found(&|query| query.agent = Some("ops".to_owned())), "h3 h4");
    assert_eq!(
        found(&|query| query.session = Some("agent:main:b".to_owned())),
        "h2"
    );
    assert_eq!(
        found(&|query| query.session = Some("agent:main:unknown".to_owned())),
        ""
    );
    assert_eq!(found(&|query| query.from_ms = Some(2_000_000)), "h2 h3 h4");
    assert_eq!(found(&|query| query.until_ms = Some(2_000_000)), "h1");
    assert_eq!(
        found(&|query| {
            query.from_ms = Some(1_000_001);
            query.until_ms = Some(3_000_001);
        }),
        "h2 h3"
    );
}

#[test]
fn tools_thinking_and_errors_are_found_too() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut call = message("call", 2, 2_000, "Let me look.");
    call.content.push(ContentPart::Thinking {
        thinking: "perhaps the zebra".to_owned(),
    });
    call.content.push(ContentPart::ToolCall {
        id: "c".to_owned(),
        name: "exec".to_owned(),
        arguments: json!({"command": "ls /giraffe", "env": ["OKAPI=1"]}),
    });
    let output = Message {
        role: Role::ToolResult,
        ..message("output", 3, 3_000, "antelope.txt")
    };
    let failed = Message {
        error_message: Some("quota of gnus exceeded".to_owned()),
        ..message("failed", 4, 4_000, "")
    };
    store
        .upsert_messages(HOME, MAIN, &[call, output, failed])
        .unwrap();
    for (typed, expected) in [
        ("zebra", "call"),
        ("giraffe", "call"),
        ("okapi", "call"),
        ("exec", "call"),
        ("antelope", "output"),
        ("gnus", "failed"),
    ] {
        let hits = store.search(&ask(typed)).unwrap();
        assert_eq!(ids(&hits).join(" "), expected, "{typed:?}");
        assert_eq!(hits[0].marks.len(), 1, "{typed:?}");
    }
}

#[test]
fn the_better_comes_first() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let day = 86_400_000;
    let texts = [
        (
            "scattered",
            300,
            "the server was slow, so we moved the whole thing; the config is elsewhere now",
        ),
        ("phrase", 100, "please check the server config"),
        ("old", 1, "server config"),
        ("new", 399, "server config"),
    ];
    let messages: Vec<Message> = (1..)
        .zip(texts)
        .map(|(seq, (id, days, text))| message(id, seq, days * day, text))
        .collect();
    store.upsert_messages(HOME, MAIN, &messages).unwrap();
    let order: Vec<String> = store
        .search(&ask("server config"))
        .unwrap()
        .iter()
        .map(|hit| {
            hit.message
                .as_ref()
                .unwrap()
                .meta
                .id
                .as_ref()
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(order, ["new", "old", "phrase", "scattered"]);
}

#[test]
fn an_old_sentence_is_found_among_many_newer_messages_with_its_words() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut messages = vec![message(
        "sentence",
        1,
        1_000,
        "we agreed to paint the blue door on sunday",
    )];
    for n in 2..700 {
        let text = if n % 2 == 0 {
            "the door is blue, said nobody"
        } else {
            "blue sky over the door"
        };
        messages.push(message(
            &format!("m{n}"),
            n,
            i64::try_from(n).unwrap() * 60_000,
            text,
        ));
    }
    store.upsert_messages(HOME, MAIN, &messages).unwrap();
    let hits = store
        .search(&SearchQuery {
            limit: 5,
            ..ask("the blue door")
        })
        .unwrap();
    assert_eq!(
        hits[0]
            .message
            .as_ref()
            .unwrap()
            .meta
            .id
            .as_ref()
            .unwrap()
            .as_str(),
        "sentence"
    );
    assert_eq!(hits.len(), 5);
}

#[test]
fn titles_are_found_and_follow_a_rename() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .upsert_sessions(
            HOME,
            &[
                row("agent:main:a", "Garten und Größe", 5),
                row("agent:main:b", "数据库", 6),
            ],
            title,
        )
        .unwrap();
    store
        .upsert_messages(HOME, "agent:main:b", &[message("m", 1, 1_000, "im Garten")])
        .unwrap();
    let hits = store.search(&ask("gart")).unwrap();
    assert_eq!(ids(&hits), ["m", "title:agent:main:a"]);
    let titled = hits.iter().find(|hit| hit.message.is_none()).unwrap();
    assert_eq!(
        (titled.snippet.as_str(), titled.marks.as_slice(), titled.at_ms),
        ("Garten und Größe", &[(0, 6)][..], 5)
    );
    assert_eq!(
        hits.iter()
            .find(|hit| hit.message.is_some())
            .unwrap()
            .session_title,
        "数据库"
    );
    assert_eq!(ids(&store.search(&ask("据库")).unwrap()), ["title:agent:main:b"]);
    assert_eq!(
        ids(&store.search(&ask("grosse garten")).unwrap()),
        ["title:agent:main:a"]
    );
    store
        .upsert_sessions(HOME, &[row("agent:main:a", "Haus", 5)], title)
        .unwrap();
    assert!(store.search(&ask("grosse")).unwrap().is_empty());
    assert_eq!(ids(&store.search(&ask("haus")).unwrap()), ["title:agent:main:a"]);
}

#[test]
fn what_is_deleted_or_changed_is_not_found_any_more() {
    let dir = TempDir::new().unwrap();
    let store = library(&dir);
    let fox = message("en", 1, 60_000, "The slow turtle");
    store
        .upsert_messages(HOME, MAIN, std::slice::from_ref(&fox))
        .unwrap();
    assert!(store.search(&ask("fox")).unwrap().is_empty());
    assert_eq!(ids(&store.search(&ask("turtle")).unwrap()), ["en"]);
    assert!(store.delete_message(HOME, MAIN, &fox).unwrap());
    assert!(store.search(&ask("turtle")).unwrap().is_empty());
    store.delete_session(HOME, MAIN).unwrap();
    assert!(store.search(&ask("数据")).unwrap().is_empty());
    assert_index_is_sound(&store);
}

#[test]
fn a_search_that_nobody_wants_ends() {
    let dir = TempDir::new().unwrap();
    let store = library(&dir);
    assert!(matches!(
        store.search_until(&ask("fox"), || true),
        Err(StoreError::Superseded)
    ));
    assert_eq!(
        ids(&store.search(&ask("fox")).unwrap()),
        ["en"],
        "the connection serves the next one"
    );
}
