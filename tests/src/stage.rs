//! A desktop with the parts that the app talks to, and the actions of a user on it.

use crate::app::{App, binary, pictures};
use crate::leaks;
use crate::notifications::{CAPABILITIES, NotificationDaemon};
use crate::tray::{ItemAddress, ItemLook, TrayHost};
use crate::waiting::{Asked, PATIENCE, asked};
use crate::webview::Webview;
use anyhow::{Context, Result, bail};
use clawtray_lab::{Desktop, DesktopConfig};
use std::path::PathBuf;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::rust_connection::RustConnection;

/// The default hotkey.
pub const HOTKEY: &str = "ctrl+shift+space";
/// The title of the popup's window.
pub const POPUP: &str = "^Clawtray$";
/// The title of the session browser's window.
pub const BROWSER: &str = "^Clawtray sessions$";
/// The title of the settings' window.
pub const SETTINGS: &str = "^Clawtray settings$";

/// What there is besides the desktop itself.
#[derive(Clone, Debug)]
pub struct StageConfig {
    /// The desktop.
    pub desktop: DesktopConfig,
    /// A tray.
    pub tray: bool,
    /// A notification daemon.
    pub notifications: bool,
    /// What the daemon can do, in the words of its interface.
    pub capabilities: &'static [&'static str],
    /// Where pictures go: `target/<this>/`.
    pub pictures: &'static str,
}

impl Default for StageConfig {
    fn default() -> Self {
        Self {
            desktop: DesktopConfig::default(),
            tray: true,
            notifications: true,
            capabilities: &CAPABILITIES,
            pictures: "e2e",
        }
    }
}

/// A desktop, with tray and notification daemon unless they were left out.
#[derive(Debug)]
pub struct Stage {
    tray: Option<TrayHost>,
    notifications: Option<NotificationDaemon>,
    /// The desktop.
    pub desktop: Desktop,
    pictures: &'static str,
}

impl Stage {
    /// Sets it up.
    ///
    /// # Errors
    /// A part does not come up.
    pub async fn set(config: StageConfig) -> Result<Self> {
        let desktop = Desktop::start(&config.desktop)?;
        let bus = desktop.bus_address();
        let tray = if config.tray {
            Some(TrayHost::start(bus).await?)
        } else {
            None
        };
        let notifications = if config.notifications {
            Some(NotificationDaemon::start(bus, config.capabilities).await?)
        } else {
            None
        };
        Ok(Self {
            tray,
            notifications,
            desktop,
            pictures: config.pictures,
        })
    }

    /// The tray.
    ///
    /// # Errors
    /// It was left out.
    pub fn tray(&self) -> Result<&TrayHost> {
        self.tray.as_ref().context("this stage has no tray")
    }

    /// The notification daemon.
    ///
    /// # Errors
    /// It was left out.
    pub fn notifications(&self) -> Result<&NotificationDaemon> {
        self.notifications
            .as_ref()
            .context("this stage has no notification daemon")
    }

    /// The tray, put there only now or again.
    ///
    /// # Errors
    /// There is one.
    pub async fn bring_tray(&mut self) -> Result<&TrayHost> {
        if self.tray.is_some() {
            bail!("this stage has a tray");
        }
        let tray = TrayHost::start(self.desktop.bus_address()).await?;
        Ok(self.tray.insert(tray))
    }

    /// Takes the tray away.
    ///
    /// # Errors
    /// There is none.
    pub async fn take_tray(&mut self) -> Result<()> {
        self.tray.take().context("this stage has no tray")?.stop().await
    }

    /// Writes the settings' file, as a user would by hand.
    ///
    /// # Errors
    /// The home folder takes no file.
    pub fn write_settings(&self, text: &str) -> Result<PathBuf> {
        let file = self.desktop.home().join(".config/clawtray/settings.json");
        std::fs::create_dir_all(file.parent().context("no folder")?)?;
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// Connects to the X server as another program: the connection and the root window.
    ///
    /// # Errors
    /// There is no X server.
    pub fn other_program(&self) -> Result<(RustConnection, u32)> {
        let display = self.desktop.env().iter().find(|(name, _)| *name == "DISPLAY");
        let (x, screen) = x11rb::connect(display.map(|(_, value)| value.as_str()))?;
        let root = x.setup().roots.get(screen).context("no screen")?.root;
        Ok((x, root))
    }

    /// Waits until the tray says that the gateway is there; its item.
    ///
    /// # Errors
    /// It does not in time, or there is no tray.
    pub async fn wait_for_connection(&self) -> Result<ItemAddress> {
        let tray = self.tray()?;
        let item = tray.wait_for_item().await?;
        let connected = |look: &ItemLook| look.tooltip().contains("connected");
        tray.wait_for_look("connected", &item, connected).await?;
        Ok(item)
    }

    /// Starts the app as a user does.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_app(&self, args: &[&str], env: &[(&str, String)]) -> Result<App> {
        App::start(&self.desktop, args, env)
    }

    /// Starts the app with its popup open and under control.
    ///
    /// # Errors
    /// It opens no window.
    pub async fn start_controlled(&self, args: &[&str], env: &[(&str, String)]) -> Result<Webview> {
        let args: Vec<&str> = std::iter::once("--test-window")
            .chain(args.iter().copied())
            .collect();
        let webview = Webview::start(&self.desktop, binary()?, &args, env).await?;
        webview.switch_to("popup.html").await?;
        Ok(webview)
    }

    /// The process id of the app that runs on this stage, however it was started.
    ///
    /// # Errors
    /// None runs.
    pub fn app_process(&self) -> Result<u32> {
        let binary = binary()?.canonicalize()?;
        let own = format!("DBUS_SESSION_BUS_ADDRESS={}", self.desktop.bus_address());
        leaks::below(std::process::id())?
            .into_iter()
            .find(|id| {
                let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
                let here = environment
                    .split(|&byte| byte == 0)
                    .any(|variable| variable == own.as_bytes());
                here && std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|file| file == binary)
            })
            .context("the app does not run on this stage")
    }

    /// Presses the hotkey.
    ///
    /// # Errors
    /// The keyboard does not work.
    pub fn press_hotkey(&self) -> Result<()> {
        Ok(self.desktop.press(HOTKEY)?)
    }

    /// Waits until the popup is on the screen.
    ///
    /// # Errors
    /// It is not in time.
    pub fn wait_for_popup(&self) -> Result<()> {
        self.desktop.wait_for_window(POPUP, PATIENCE)?;
        Ok(())
    }

    /// Waits until the popup is gone from the screen.
    ///
    /// # Errors
    /// It is not in time.
    pub fn wait_for_no_popup(&self) -> Result<()> {
        Ok(self.desktop.wait_for_no_window(POPUP, PATIENCE)?)
    }

    /// Waits until keys go to the popup's prompt.
    ///
    /// # Errors
    /// They do not in time.
    pub async fn wait_for_focus(&self, popup: &Webview) -> Result<()> {
        asked("the focus in the prompt", || async {
            let script = "return document.hasFocus() + ' ' + (document.activeElement?.className ?? '');";
            let focus = popup.run(script, Vec::new()).await?;
            let focus = focus.as_str().unwrap_or_default();
            Ok(if focus == "true prompt" {
                Asked::There(())
            } else {
                Asked::NotYet(focus.to_owned())
            })
        })
        .await
    }

    /// Types a question with the keyboard, sees it in the prompt, and sends it.
    ///
    /// # Errors
    /// The prompt does not get what was typed.
    pub async fn ask(&self, popup: &Webview, text: &str) -> Result<()> {
        self.wait_for_keys(popup).await?;
        self.desktop.type_text(text)?;
        self.wait_for_prompt(popup, text).await?;
        Ok(self.desktop.press("Return")?)
    }

    /// Waits until the prompt gets the keys that are pressed. On a busy machine a page that says it has the focus may
    /// still miss a first key that an injected keyboard sends within milliseconds.
    async fn wait_for_keys(&self, popup: &Webview) -> Result<()> {
        self.wait_for_prompt(popup, "").await?;
        asked("a key in the prompt", || async {
            self.desktop.press("x")?;
            let end = tokio::time::Instant::now() + Duration::from_secs(2);
            while tokio::time::Instant::now() < end {
                if self.prompt(popup).await?.contains('x') {
                    return Ok(Asked::There(()));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(Asked::NotYet("nothing".to_owned()))
        })
        .await?;
        self.desktop.press("ctrl+a")?;
        self.desktop.press("BackSpace")?;
        self.wait_for_prompt(popup, "").await
    }

    async fn prompt(&self, popup: &Webview) -> Result<String> {
        let script = "return document.querySelector('textarea.prompt')?.value ?? '';";
        Ok(popup
            .run(script, Vec::new())
            .await?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Waits until the prompt holds exactly this text.
    ///
    /// # Errors
    /// It does not in time.
    pub async fn wait_for_prompt(&self, popup: &Webview, text: &str) -> Result<()> {
        asked("the typed text in the prompt", || async {
            let prompt = self.prompt(popup).await?;
            Ok(if prompt == text {
                Asked::There(())
            } else {
                Asked::NotYet(prompt)
            })
        })
        .await
    }

    /// Leaves a picture of the screen for a look.
    ///
    /// # Errors
    /// It cannot be taken.
    pub fn picture(&self, name: &str) -> Result<()> {
        Ok(self
            .desktop
            .screenshot(&pictures(self.pictures).join(format!("{name}.png")))?)
    }
}
