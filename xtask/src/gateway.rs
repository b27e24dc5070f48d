//! `cargo xtask real-gateway`: runs the gateway from npm, to try things by hand.

use crate::steps::Steps;
use clawtray_lab::{Context, GatewayConfig, RealGateway, Result, ScriptedModel};
use std::collections::hash_map::RandomState;
use std::fs::OpenOptions;
use std::hash::BuildHasher;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (mut port, mut model_url) = (None, None);
    let mut rest = args;
    while let [name, value, after @ ..] = rest {
        match *name {
            "--port" => port = Some(value.parse().context(format!("{value:?} is not a port"))?),
            "--model" => model_url = Some((*value).to_owned()),
            other => return Err(crate::unknown(other)),
        }
        rest = after;
    }
    if let [other, ..] = rest {
        return Err(crate::unknown(other));
    }
    let steps = Steps::new("real-gateway");
    let installation = clawtray_lab::real_gateway::install()?;
    steps.say(
        "gateway",
        &format!("installed in {}", installation.dir().display()),
    );
    let model = ScriptedModel::start()?;
    let model_url = model_url.unwrap_or_else(|| model.base_url());
    let config = GatewayConfig {
        token: token(),
        port,
        model_url: Some(model_url),
        ..GatewayConfig::default()
    };
    let mut gateway = RealGateway::start(config)?;
    let file = gateway.dir().join("token");
    write_private(&file, gateway.token())?;
    steps.say("gateway", &format!("ready at {}", gateway.url()));
    println!("    token in   {}", file.display());
    println!("    log in     {}", gateway.log_path().display());
    println!(
        "    try it     OPENCLAW_GATEWAY_URL={} OPENCLAW_GATEWAY_TOKEN=$(cat {}) …",
        gateway.url(),
        file.display()
    );
    println!(
        "    prompts    [[say:TEXT]] [[md]] [[n:40]] [[d:50]] [[bytes:60000]] [[think]] [[err:400]] [[hang]] [[cut]]"
    );
    println!("               [[tool:exec {{\"command\":\"echo x\"}}]]");
    println!("    Ctrl+C ends it and removes its folder.");
    while gateway.exit_status()?.is_none() {
        thread::sleep(Duration::from_secs(1));
    }
    Err(clawtray_lab::Error::new(format!(
        "the gateway ended by itself:\n{}",
        gateway.log_tail()
    )))
}

/// Hard to guess; the standard library's hash keys come from the system's random source.
fn token() -> String {
    (0..4_u8)
        .map(|i| format!("{:016x}", RandomState::new().hash_one(i)))
        .collect()
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .context(format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes())
        .context(format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn tokens_differ_and_are_long() {
        assert_ne!(token(), token());
        assert_eq!(token().len(), 64);
    }
}
