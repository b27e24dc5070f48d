//! Asks the model over a raw socket, like a client without a library.

use super::directives::Directives;
use super::*;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};

const LIMIT: Duration = Duration::from_secs(10);

fn connect(model: &ScriptedModel, messages: &Value, stream: bool) -> TcpStream {
    let body = json!({ "model": "fake-1", "stream": stream, "messages": messages }).to_string();
    let mut socket = TcpStream::connect(model.addr()).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).unwrap();
    socket
}

fn ask(model: &ScriptedModel, prompt: &str) -> String {
    let mut answer = String::new();
    connect(model, &json!([{ "role": "user", "content": prompt }]), true)
        .read_to_string(&mut answer)
        .unwrap();
    answer
}

/// The parsed `data:` lines of an event stream.
fn events(answer: &str) -> Vec<Value> {
    answer
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect()
}

fn contents(answer: &str) -> Vec<String> {
    let pointer = "/choices/0/delta/content";
    let found = events(answer)
        .into_iter()
        .filter_map(|event| event.pointer(pointer)?.as_str().map(str::to_owned));
    found.filter(|text| !text.is_empty()).collect()
}

#[test]
fn says_exactly_what_it_is_told_in_so_many_chunks() {
    let model = ScriptedModel::start().unwrap();
    let answer = ask(&model, "please [[say:Grüße, world!]] [[n:4]] [[d:0]]");
    assert_eq!(contents(&answer).concat(), "Grüße, world!");
    assert_eq!(contents(&answer).len(), 4);
    assert!(answer.contains("data: [DONE]"), "{answer}");
    assert!(
        events(&answer)
            .iter()
            .any(|event| event.pointer("/usage/total_tokens").is_some())
    );
}

#[test]
fn default_reply_and_length() {
    let model = ScriptedModel::start().unwrap();
    assert_eq!(
        contents(&ask(&model, "hi [[n:3]] [[d:0]]")).concat(),
        "word0 word1 word2."
    );
    assert_eq!(
        contents(&ask(&model, "[[bytes:60000]] [[d:0]]")).concat().len(),
        60_000
    );
    assert_eq!(contents(&ask(&model, "[[md]] [[d:0]]")).concat(), MARKDOWN);
}

#[test]
fn thinks_before_it_speaks() {
    let model = ScriptedModel::start().unwrap();
    let answer = ask(&model, "[[think]] [[say:done]] [[n:1]] [[d:0]]");
    let thoughts: String = events(&answer)
        .iter()
        .filter_map(|event| event.pointer("/choices/0/delta/reasoning_content")?.as_str())
        .collect();
    assert_eq!(thoughts, "Let me think about it.");
    assert!(answer.find("reasoning_content").unwrap() < answer.find("done").unwrap());
}

#[test]
fn calls_a_tool_and_answers_after_its_result() {
    let model = ScriptedModel::start().unwrap();
    let prompt = r#"[[tool:exec {"command":"echo [[x]]"}]] [[say:ran it]]"#;
    let answer = ask(&model, prompt);
    let call = "/choices/0/delta/tool_calls/0/function";
    let all = events(&answer);
    let arguments: String = all
        .iter()
        .filter_map(|event| event.pointer(call)?.get("arguments")?.as_str())
        .collect();
    assert_eq!(arguments, r#"{"command":"echo [[x]]"}"#);
    assert!(
        all.iter()
            .any(|event| event.pointer("/choices/0/finish_reason") == Some(&json!("tool_calls")))
    );
    assert!(contents(&answer).is_empty());

    let messages = json!([
        { "role": "user", "content": [{ "type": "text", "text": prompt }] },
        { "role": "assistant", "tool_calls": [] },
        { "role": "tool", "content": "[[x]]" },
        { "role": "user", "content": "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>> [[say:wrong]]" },
    ]);
    let mut answer = String::new();
    connect(&model, &messages, true)
        .read_to_string(&mut answer)
        .unwrap();
    assert_eq!(contents(&answer).concat(), "ran it");
}

#[test]
fn fails_with_the_status_asked_for() {
    let model = ScriptedModel::start().unwrap();
    assert!(ask(&model, "[[err:503]]").starts_with("HTTP/1.1 503 "));
    let seen = model.wait_for(LIMIT, |seen| seen.ending.is_some()).unwrap();
    assert_eq!(
        (seen.ending, seen.path.as_str()),
        (Some(Ending::Failed), "/v1/chat/completions")
    );
}

#[test]
fn cut_ends_halfway_without_an_end_mark() {
    let model = ScriptedModel::start().unwrap();
    let answer = ask(&model, "[[cut]] [[say:abcdefgh]] [[n:4]]");
    assert_eq!(contents(&answer).concat(), "abcd");
    assert!(
        !answer.contains("[DONE]") && !answer.ends_with("0\r\n\r\n"),
        "{answer}"
    );
    assert!(
        model
            .wait_for(LIMIT, |seen| seen.ending == Some(Ending::Cut))
            .is_some()
    );
}

#[test]
fn held_answer_goes_on_when_released() {
    let model = ScriptedModel::start().unwrap();
    let socket = connect(
        &model,
        &json!([{ "role": "user", "content": "[[hold:a]] [[say:abcd]] [[n:2]]" }]),
        true,
    );
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    while !line.contains("\"ab\"") {
        line.clear();
        assert_ne!(
            reader.read_line(&mut line).unwrap(),
            0,
            "the answer ended before its first half"
        );
    }
    assert_eq!(model.seen().first().unwrap().ending, None);
    model.release("a");
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(contents(&rest).concat(), "cd");
}

#[test]
fn hanging_and_held_answers_notice_that_the_client_left() {
    let model = ScriptedModel::start().unwrap();
    for prompt in ["[[hang]]", "[[hold:never]]"] {
        let socket = connect(&model, &json!([{ "role": "user", "content": prompt }]), true);
        assert!(model.wait_for(LIMIT, |seen| seen.user_text == prompt).is_some());
        drop(socket);
        let left = |seen: &SeenRequest| seen.user_text == prompt && seen.ending == Some(Ending::Abandoned);
        assert!(model.wait_for(LIMIT, left).is_some(), "{prompt}");
    }
}

#[test]
fn answers_in_one_piece_when_not_asked_to_stream() {
    let model = ScriptedModel::start().unwrap();
    let mut answer = String::new();
    connect(
        &model,
        &json!([{ "role": "user", "content": "[[say:whole]]" }]),
        false,
    )
    .read_to_string(&mut answer)
    .unwrap();
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body.pointer("/choices/0/message/content"), Some(&json!("whole")));
}

#[test]
fn brackets_in_plain_text_are_no_directives() {
    let plain = Directives::parse("see [[wiki]] and a[[0]]; [[n:2]] and [[unclosed");
    assert_eq!((plain.chunks, plain.reply.as_str()), (2, "word0 word1."));
}
