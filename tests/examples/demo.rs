//! `cargo xtask demo` without a display: starts a virtual desktop, uses the app like a person, and
//! prints what happened.
#![allow(
    clippy::print_stdout,
    reason = "a command line program talks on its standard output"
)]

use anyhow::{Context, Result};
use clawtray_lab::DesktopConfig;
use product_tests::stage::StageConfig;
use product_tests::{Stage, Webview};

const ANSWER: &str = "article.answer:not([aria-busy=true])";

#[tokio::main]
async fn main() -> Result<()> {
    let desktop = DesktopConfig {
        screen: (1280, 800),
        ..DesktopConfig::default()
    };
    let stage = Stage::set(StageConfig {
        desktop,
        pictures: "demo",
        ..StageConfig::default()
    })
    .await?;
    println!("A virtual desktop is up: X server, D-Bus, keyring, window manager, tray, notification daemon.");
    match play(&stage).await {
        Ok(()) => {
            println!("\nPictures are in target/demo/.");
            Ok(())
        }
        Err(error) => {
            let _ = stage.picture("failed");
            Err(error.context(format!(
                "the app said:\n{}",
                product_tests::app::said(&stage.desktop)
            )))
        }
    }
}

async fn play(stage: &Stage) -> Result<()> {
    let popup = stage.start_controlled(&["--embedded"], &[]).await?;
    let tray = stage.tray()?;
    let item = tray.wait_for_item().await?;
    let look = tray
        .wait_for_look("connected", &item, |look| look.tooltip().contains("connected"))
        .await?;
    println!(
        "Clawtray runs on its built-in gateway. The tray says: {}",
        look.tooltip().replace('\n', " · ")
    );

    // Whatever is on the screen goes first, so that it is the hotkey that brings it.
    stage.wait_for_popup()?;
    stage.press_hotkey()?;
    stage.wait_for_no_popup()?;
    stage.press_hotkey()?;
    stage.wait_for_popup()?;
    stage.wait_for_focus(&popup).await?;
    println!("Ctrl+Shift+Space brought the popup, and the prompt has the focus.");
    stage.picture("1-popup")?;

    stage
        .ask(&popup, "What is Clawtray? Show me a list and some code.")
        .await?;
    popup.wait_for_text(ANSWER, "tip").await?;
    stage.picture("2-reply")?;
    println!(
        "Typed a question, pressed Enter, read the reply:\n\n{}",
        conversation(&popup).await?
    );

    stage.ask(&popup, "Tell me a long story.").await?;
    popup
        .wait_for_text("article.answer[aria-busy=true]", "Paragraph 1")
        .await?;
    stage.desktop.press("Escape")?;
    stage.wait_for_no_popup()?;
    println!("Asked for something long and put the popup away while the reply streams.");
    let notification = stage.notifications()?.wait_for("the reply", |_| true).await?;
    println!(
        "\nNotification caught: {}\n    {}",
        notification.summary,
        plain(&notification.body).replace('\n', "\n    ")
    );

    stage
        .notifications()?
        .activate(notification.id, "default")
        .await?;
    stage.wait_for_popup()?;
    popup
        .wait_for_text("article.answer:last-of-type", "Paragraph 24")
        .await?;
    stage.picture("3-after-the-notification")?;
    println!("\nActivating it brought the popup back, on that reply:\n");
    println!("{}", conversation(&popup).await?);
    popup.close().await
}

async fn conversation(popup: &Webview) -> Result<String> {
    let script = "return [...document.querySelectorAll('.said-text, article.answer')]
        .map((e) => [e.matches('.said-text') ? 'you' : 'agent', e.innerText]);";
    let lines = popup.run(script, Vec::new()).await?;
    let lines = lines.as_array().context("the popup shows no conversation")?;
    let mut out = String::new();
    for line in lines {
        let part = |index: usize| line.get(index).and_then(|part| part.as_str()).unwrap_or_default();
        let text: Vec<&str> = part(1).lines().filter(|line| !line.trim().is_empty()).collect();
        let shown = text
            .iter()
            .take(12)
            .copied()
            .collect::<Vec<_>>()
            .join("\n        ");
        let more = text.len().saturating_sub(12);
        out.push_str(&format!("{:>7} {shown}\n", format!("{}:", part(0))));
        if more > 0 {
            out.push_str(&format!("        … and {more} more lines\n"));
        }
    }
    Ok(out)
}

/// A notification's text without the marks of its markup.
fn plain(body: &str) -> String {
    body.replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
