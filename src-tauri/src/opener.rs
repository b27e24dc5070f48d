use clawtray_companion::ports::Opener;

/// Opens links with the program that the desktop has for them.
pub(crate) struct SystemOpener;

impl Opener for SystemOpener {
    #[cfg(target_os = "linux")]
    fn open(&self, url: &str) -> Result<(), String> {
        use std::os::unix::process::CommandExt as _;
        use std::process::Stdio;
        let mut refused = None;
        for mut command in open::commands(url) {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            match command.process_group(0).spawn() {
                Ok(mut child) => {
                    // It ends when it likes; somebody has to hear of it.
                    std::thread::spawn(move || child.wait());
                    return Ok(());
                }
                Err(error) => refused = Some(error.kind().to_string()),
            }
        }
        Err(refused.unwrap_or_else(|| "no program for links was found".to_owned()))
    }

    #[cfg(not(target_os = "linux"))]
    fn open(&self, url: &str) -> Result<(), String> {
        open::that_detached(url).map_err(|error| error.kind().to_string())
    }
}
