use clawtray_companion::ports::Opener;

/// Opens links with the program that the desktop has for them.
pub(crate) struct SystemOpener;

impl Opener for SystemOpener {
    fn open(&self, url: &str) -> Result<(), String> {
        open::that_detached(url).map_err(|error| error.kind().to_string())
    }
}
