//! Start with the desktop session: an autostart entry on Linux, the system's own list elsewhere.

use clawtray_companion::ports::Autostart;

/// What a start by the system adds to the command line.
const HIDDEN: &str = "--hidden";

pub(crate) struct SystemAutostart;

#[cfg(target_os = "linux")]
impl Autostart for SystemAutostart {
    fn set(&self, on: bool) -> Result<(), String> {
        crate::desktop_entry::autostart(on.then_some(HIDDEN)).map_err(|error| error.to_string())
    }
}

#[cfg(not(target_os = "linux"))]
impl Autostart for SystemAutostart {
    fn set(&self, on: bool) -> Result<(), String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let entry = auto_launch::AutoLaunchBuilder::new()
            .set_app_name("Clawtray")
            .set_app_path(&program.to_string_lossy())
            .set_args(&[HIDDEN])
            .build()
            .map_err(|error| error.to_string())?;
        let switched = if on { entry.enable() } else { entry.disable() };
        switched.map_err(|error| error.to_string())
    }
}
