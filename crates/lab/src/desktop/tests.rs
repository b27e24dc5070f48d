use super::*;
use std::io::Write;

#[test]
fn comes_up_with_keyboard_keyring_and_pictures_and_goes_away() {
    let desktop = Desktop::start(&DesktopConfig::default()).unwrap();

    // A window that writes down the keys it gets.
    let window = desktop
        .spawn("xev", desktop.command("xev").args(["-name", "Lab window"]))
        .unwrap();
    desktop.wait_for_window("Lab window", TOOL_LIMIT).unwrap();
    wait_until("the focus", TOOL_LIMIT, || {
        Ok((desktop.active_window_title()? == "Lab window").then_some(()))
    })
    .unwrap();
    desktop.type_text("Hi!").unwrap();
    wait_until("the keys", TOOL_LIMIT, || {
        Ok(typed(&desktop.log("xev")).ends_with("Hi!").then_some(()))
    })
    .unwrap();
    drop(window);
    desktop.wait_for_no_window("Lab window", TOOL_LIMIT).unwrap();

    let picture = desktop.dir().join("pictures/screen.png");
    desktop.screenshot(&picture).unwrap();
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));

    store(&desktop, "canary").unwrap();
    assert_eq!(
        desktop.lookup_secret(&[("lab", "test")]).unwrap().as_deref(),
        Some("canary")
    );

    let (dir, display) = (desktop.dir().to_owned(), desktop.var("DISPLAY").to_owned());
    drop(desktop);
    assert!(!dir.exists());
    let probe = Command::new("xdpyinfo").env("DISPLAY", display).output().unwrap();
    assert!(!probe.status.success(), "the X server is still there");
}

#[test]
fn keyring_can_be_absent_and_locked() {
    let config = DesktopConfig {
        window_manager: false,
        keyring: Keyring::None,
        ..DesktopConfig::default()
    };
    let mut desktop = Desktop::start(&config).unwrap();
    assert!(store(&desktop, "canary").is_err());
    desktop.start_keyring(Keyring::Unlocked).unwrap();
    store(&desktop, "canary").unwrap();
    // Locked: the secret is there and not given out.
    desktop.start_keyring(Keyring::Locked).unwrap();
    assert_eq!(desktop.lookup_secret(&[("lab", "test")]).unwrap(), None);
    desktop.start_keyring(Keyring::Unlocked).unwrap();
    assert_eq!(
        desktop.lookup_secret(&[("lab", "test")]).unwrap().as_deref(),
        Some("canary")
    );
}

fn store(desktop: &Desktop, secret: &str) -> Result<()> {
    let mut command = desktop.command("secret-tool");
    command
        .args(["store", "--label=lab", "lab", "test"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null());
    let mut tool = Running::start("secret-tool", &mut command)?;
    tool.child()
        .stdin
        .take()
        .context("no pipe")?
        .write_all(secret.as_bytes())
        .context("cannot write")?;
    match tool.wait_for_exit(Duration::from_secs(20))? {
        Some(status) if status.success() => Ok(()),
        other => Err(Error::new(format!("secret-tool: {other:?}"))),
    }
}

/// The letters `xev` got, from lines like `XLookupString gives 1 bytes: (48) "H"` after a key press.
fn typed(log: &str) -> String {
    let pressed = log
        .split("KeyPress event")
        .skip(1)
        .filter_map(|event| event.split("KeyRelease").next());
    pressed
        .filter_map(|event| {
            event
                .split("XLookupString gives 1 bytes:")
                .nth(1)?
                .split('"')
                .nth(1)
        })
        .collect()
}
