//! Fuzz target: reading by layout must give the same result as parsing.
#![no_main]

use clawtray_gateway_protocol::Message;
use clawtray_gateway_protocol::event::{
    Beginning, ChatEvent, ChatFrame, beginning, delta_ends, delta_parts, reply_parts,
};
use clawtray_gateway_protocol::frame::{Glance, Incoming, glance};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let parsed = Incoming::parse(text);
    if let (Glance::AgentAssistant { .. }, Ok(Incoming::Event(event))) = (glance(text), &parsed) {
        assert_eq!(event.name, "agent");
    }
    let Ok(frame) = serde_json::from_str::<ChatFrame<'_>>(text) else {
        return;
    };
    if let Some(parts) = reply_parts(text)
        && let Ok(head) = serde_json::from_str::<ChatEvent<'_>>(&parts.head)
    {
        assert_eq!((&head.run_id, head.seq), (&frame.payload.run_id, frame.payload.seq));
        let whole: Option<Message> = frame.payload.message.and_then(|raw| serde_json::from_str(raw.get()).ok());
        assert_eq!(whole.as_ref(), Some(&*parts.reply));
    }
    let Some(parts) = delta_parts(text) else { return };
    // By its ends it is the same delta, wherever the end begins.
    if let Beginning::Delta { run, head, .. } = beginning(text.as_bytes()) {
        let (head, rest) = text.as_bytes().split_at(head);
        for skipped in [0, rest.len() / 2] {
            let Some(ends) = delta_ends(head, skipped, &rest[skipped..]) else { continue };
            assert_eq!((&ends.head, ends.seq), (&parts.head, parts.seq));
            assert_eq!(run, frame.payload.run_id);
        }
    }
    let Ok(event) = serde_json::from_str::<ChatEvent<'_>>(&parts.head) else {
        return;
    };
    assert_eq!(
        (&event.run_id, event.seq, &event.delta_text),
        (
            &frame.payload.run_id,
            frame.payload.seq,
            &frame.payload.delta_text
        )
    );
});
