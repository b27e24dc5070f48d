use super::config::merge;
use super::*;
use crate::ScriptedModel;
use crate::scripted_model::Ending;
use serde_json::json;

#[test]
fn extra_config_is_merged_as_a_patch() {
    let extra = json!({ "gateway": { "auth": { "rateLimit": { "maxAttempts": 5 } } }, "logging": null });
    let config = GatewayConfig {
        extra,
        ..GatewayConfig::default()
    }
    .file(1234, Path::new("/x"));
    assert_eq!(
        config.pointer("/gateway/auth/rateLimit/maxAttempts"),
        Some(&json!(5))
    );
    assert_eq!(
        config.pointer("/gateway/auth/token"),
        Some(&json!(GatewayConfig::default().token))
    );
    assert_eq!(config.get("logging"), None);

    let mut target = json!({ "list": [1, 2], "kept": true });
    merge(&mut target, &json!({ "list": [3], "new": { "deep": 1 } }));
    assert_eq!(target, json!({ "list": [3], "kept": true, "new": { "deep": 1 } }));
}

/// The whole chain once: npm, start, a prompt through the gateway's own command line to the scripted model, kill, again.
#[test]
fn runs_answers_and_comes_back_on_the_same_port() {
    let model = ScriptedModel::start().unwrap();
    let mut gateway = RealGateway::start(GatewayConfig::with_model(model.base_url())).unwrap();
    let (port, limit) = (gateway.port(), Duration::from_secs(5));
    assert_eq!(http::get_status(loopback(port), "/readyz", limit), Some(200));

    let mut ask = gateway.command();
    ask.args(["agent", "--agent", "main", "--message", "[[say:the lab answers]]"]);
    let answer = crate::process::run("openclaw agent", &mut ask, Duration::from_secs(120)).unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(
        answer.contains("the lab answers"),
        "{answer}\n{}",
        gateway.log_tail()
    );
    let seen = model
        .wait_for(limit, |seen| seen.ending == Some(Ending::Complete))
        .unwrap();
    assert_eq!(
        (
            seen.model.as_str(),
            seen.user_text.contains("[[say:the lab answers]]")
        ),
        ("fake-1", true)
    );

    gateway.kill();
    assert_eq!(http::get_status(loopback(port), "/readyz", limit), None);
    gateway.start_again().unwrap();
    assert_eq!(
        (gateway.port(), http::get_status(loopback(port), "/readyz", limit)),
        (port, Some(200))
    );

    let dir = gateway.dir().to_owned();
    assert!(gateway.stop().unwrap().code().is_some());
    assert!(dir.join("gateway.log").is_file());
    drop(gateway);
    assert!(!dir.exists());
}
