//! A tray icon, a hotkey and one page: the cost of any app of this kind, measured next to ours.

#[cfg(target_os = "linux")]
fn main() -> tauri::Result<()> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use ksni::TrayMethods as _;
    use std::time::Duration;
    use tauri::{AppHandle, Manager as _, RunEvent, WebviewUrl, WebviewWindowBuilder};
    use tauri_plugin_global_shortcut::{Builder, ShortcutState};

    const KEYS: &str = "CTRL+SHIFT+SPACE";
    const WINDOW: &str = "bare";
    /// How long a hidden window keeps its webview; as long as ours does.
    const WARM: Duration = Duration::from_secs(180);

    struct Item;

    impl ksni::Tray for Item {
        fn id(&self) -> String {
            "bare".into()
        }
        fn title(&self) -> String {
            "Bare".into()
        }
    }

    pub(super) fn run() -> tauri::Result<()> {
        let hotkey = Builder::new().with_handler(|app, _, event| {
            if event.state == ShortcutState::Pressed
                && let Err(error) = toggle(app)
            {
                eprintln!("the window did not obey: {error}");
            }
        });
        let hotkey = hotkey.with_shortcut(KEYS).map(Builder::build);
        let app = tauri::Builder::default().setup(|_| {
            tauri::async_runtime::spawn(async {
                // Dropping the handle takes the icon away.
                let handle = Item.assume_sni_available(true).spawn().await;
                std::future::pending::<()>().await;
                drop(handle);
            });
            Ok(())
        });
        let app = match hotkey {
            Ok(plugin) => app.plugin(plugin),
            Err(error) => {
                eprintln!("no hotkey: {error}");
                app
            }
        };
        let app = app.build(tauri::generate_context!())?;
        app.run(|_, event| {
            if let RunEvent::ExitRequested { code: None, api, .. } = event {
                api.prevent_exit();
            }
        });
        Ok(())
    }

    fn toggle(app: &AppHandle) -> tauri::Result<()> {
        let Some(window) = app.get_webview_window(WINDOW) else {
            return WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::default())
                .title("Bare")
                .inner_size(620.0, 168.0)
                .decorations(false)
                .build()
                .map(|_| ());
        };
        if !window.is_visible()? {
            window.show()?;
            return window.set_focus();
        }
        window.hide()?;
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            tokio::time::sleep(WARM).await;
            let hidden = app.get_webview_window(WINDOW);
            if let Some(window) = hidden.filter(|window| !window.is_visible().unwrap_or(true))
                && let Err(error) = window.destroy()
            {
                eprintln!("the window stays: {error}");
            }
        });
        Ok(())
    }
}
