use super::*;
use crate::event::{ChatEvent, ChatFrame};

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[test]
fn a_reply_is_found_by_its_layout_and_nothing_else_is() {
    let frame = |state: &str, message: &str| {
        format!(
            r#"{{"type":"event","event":"chat","payload":{{"runId":"r","sessionKey":"s","seq":9,"state":"{state}","message":{message}}},"seq":12,"x":1}}"#
        )
    };
    let text = r#"a \"b\" },\"seq\":5 ,\"message\":{ é"#;
    let message = format!(r#"{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}}"#);
    for state in ["final", "aborted"] {
        let frame = frame(state, &message);
        let parts = reply_parts(&frame).unwrap();
        let whole: ChatFrame<'_> = serde_json::from_str(&frame).unwrap();
        let mut payload = whole.payload;
        assert_eq!(Some(parts.reply), payload.take_reply());
        assert_eq!(Some(parts.seq), whole.seq);
        let head: ChatEvent<'_> = serde_json::from_str(&parts.head).unwrap();
        assert_eq!((head.seq, &*head.state), (9, state));
    }
    for other in [
        frame("delta", &message),
        frame("final", "null"),
        frame("final", r#"{"role":7}"#),
        // What stands behind the message would be lost.
        frame("final", &format!(r#"{message},"stopReason":"stop""#)),
    ] {
        assert!(reply_parts(&other).is_none(), "{other}");
    }
}

#[test]
fn the_length_of_a_text_is_what_decoding_would_give() {
    for text in [
        "",
        "plain",
        "two\nlines \"quoted\" \\ back",
        "žluťoučký 🐴",
        "\u{0}\u{7f}\t",
        "\"}],\"timestamp\":",
    ] {
        let message =
            serde_json::json!({"role":"assistant","content":[{"type":"text","text":text}],"timestamp":1});
        let usual = format!(
            r#"{{"role":"assistant","content":[{{"type":"text","text":{}}}],"timestamp":1}}"#,
            serde_json::to_string(text).unwrap()
        );
        assert_eq!(text_len(&raw(&usual)), Some(text.len()), "{text:?}");
        assert_eq!(
            text_len(&raw(&message.to_string())),
            Some(text.len()),
            "{text:?} in another order"
        );
    }
    let escaped = r#"{"role":"assistant","content":[{"type":"text","text":"\u0041\u00e9\u20ac\ud83d\ude00"}],"timestamp":1}"#;
    assert_eq!(text_len(&raw(escaped)), Some("Aé€😀".len()));
    let two = r#"{"role":"assistant","content":[{"type":"text","text":"ab"},{"type":"text","text":"c"}],"timestamp":1}"#;
    assert_eq!(text_len(&raw(two)), Some(3));
}

#[test]
fn a_delta_taken_apart_is_the_delta_parsed() {
    for text in [
        "",
        "plain",
        "a \"b\"\n\\",
        "é🐴",
        r#"","message":{"role":"assistant""#,
        r#""}],"timestamp":1"#,
    ] {
        let frame = format!(
            r#"{{"type":"event","event":"chat","payload":{{"runId":"r","sessionKey":"s","seq":3,"state":"delta","deltaText":{0},"message":{{"role":"assistant","content":[{{"type":"text","text":{0}}}],"timestamp":17}}}},"seq":9,"recipientProfileId":"o"}}"#,
            serde_json::to_string(text).unwrap()
        );
        let parsed: ChatFrame<'_> = serde_json::from_str(&frame).unwrap();
        let parts = delta_parts(&frame).expect(&frame);
        let mut event: ChatEvent<'_> = serde_json::from_str(&parts.head).unwrap();
        event.whole = parts.measured();
        assert_eq!(Some(parts.seq), parsed.seq);
        let (raw, decoded) = (serde_json::to_string(text).unwrap().len() - 2, text.len());
        let nothing = WholeLen { raw: 0, decoded: 0 };
        let grown = parts.grown(nothing, decoded).expect(&frame);
        assert_eq!((grown.raw_len(), grown.len), (raw, decoded), "{text:?}");
        let other = WholeLen { raw: 1, decoded: 1 };
        assert!(parts.grown(other, decoded).is_none(), "{text:?}");
        assert_eq!(
            (event.seq, &event.run_id, &event.delta_text),
            (3, &parsed.payload.run_id, &parsed.payload.delta_text)
        );
        assert_eq!(event.whole_len(), Some(text.len()), "{text:?}");
        assert_eq!(event.whole_text().as_deref(), Some(text));
        assert_eq!(event.whole_text(), parsed.payload.whole_text());
    }
    for other in [
        r#"{"type":"event","event":"chat","payload":{"runId":"r","seq":1,"state":"status","phase":"x"},"seq":1}"#,
        r#"{"type":"event","event":"chat","payload":{"runId":"r","seq":1,"state":"final","message":{"role":"assistant","content":[{"type":"text","text":"a"}],"timestamp":1}},"seq":1}"#,
    ] {
        assert!(delta_parts(other).is_none(), "{other}");
    }
    let two = r#"{"type":"event","event":"chat","payload":{"runId":"r","seq":1,"state":"delta","deltaText":"a","message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"timestamp":1}},"seq":1,"x":1}"#;
    let parts = delta_parts(two).unwrap();
    assert!(parts.measured().is_none(), "a message of two parts is no text");
    assert!(parts.grown(WholeLen { raw: 0, decoded: 0 }, 1).is_none());
}
