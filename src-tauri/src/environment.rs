//! What the process was started with: folders, and variables that must not reach child processes.

use async_trait::async_trait;
use clawtray_companion::{
    discovery::{Surroundings, System},
    nearby::Nearby,
    paths::Paths,
    ports::Secret,
};
use std::{io, path::Path};

/// The app's id: its desktop file, its D-Bus names, its identity towards portals.
pub(crate) const APP_ID: &str = "dev.clawtray.Clawtray";

/// Variables that name a secret. Children (WebKit's processes, the browser that opens a link) do not get them.
const SECRET_VARIABLES: [&str; 4] = [
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_AUTH_TOKEN",
    "CLAWTRAY_MODEL_KEY",
];

#[cfg(target_os = "linux")]
const DMABUF_GUARD: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// What is set for WebKit, GTK and JavaScriptCore where the user has not said otherwise.
///
/// With the DMA-buf renderer WebKitGTK shows a blank window with some graphics drivers. Without it GTK's OpenGL is of no use
/// to anybody, and looking for it at the start loads the graphics driver: 30 MB where that is Mesa's software renderer.
/// JavaScriptCore's last compiler is for programs that compute for minutes: the windows never get back what it takes, a
/// seventh of the processor's time of a long reply.
#[cfg(target_os = "linux")]
pub(crate) const GUARDS: [(&str, &str); 3] =
    [(DMABUF_GUARD, "1"), ("GDK_GL", "disable"), ("JSC_useFTLJIT", "0")];

/// What libglvnd is told of graphics drivers with: files that name them, folders with such files.
#[cfg(target_os = "linux")]
const EGL_DRIVERS: [&str; 2] = ["__EGL_VENDOR_LIBRARY_FILENAMES", "__EGL_VENDOR_LIBRARY_DIRS"];

/// Prepares the process's environment. The first thing in `main`, before any thread.
///
/// Setting a variable is unsafe in Rust because other threads may read it meanwhile; GLib offers it as a safe call
/// under the same condition, which holds here, and starting a second process with another environment costs the app
/// a fifth of its start.
#[cfg(target_os = "linux")]
pub(crate) fn prepare() {
    // Whoever chose a renderer may want OpenGL for it.
    let renderer_chosen = std::env::var_os(DMABUF_GUARD).is_some();
    for (name, value) in GUARDS {
        if renderer_chosen && name == "GDK_GL" {
            continue;
        }
        if glib::setenv(name, value, false).is_err() {
            tracing::warn!(name, "could not be set");
        }
    }
    if !renderer_chosen {
        keep_graphics_drivers_out();
    }
    // The name that Wayland compositors and portals match with the desktop file.
    glib::set_prgname(Some(APP_ID));
}
#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare() {}

/// Lets this process find no graphics driver. WebKit looks for one here, too, before it starts the process that draws;
/// without the DMA-buf renderer nothing is ever drawn with it, and Mesa's software renderer takes 24 MB.
///
/// libglvnd reads which drivers there are once, at a process's first question (`EGL/icd_enumeration.md` in its sources).
/// WebKit's processes ask for themselves, in the environment as it was.
#[cfg(target_os = "linux")]
fn keep_graphics_drivers_out() {
    if EGL_DRIVERS.iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let [files, _] = EGL_DRIVERS;
    if glib::setenv(files, "/dev/null", true).is_err() {
        return tracing::warn!(name = files, "could not be set");
    }
    // Without a driver the answer may be that there is nothing to tell; it is the question that counts.
    let _ = khronos_egl::Instance::new(khronos_egl::Static).query_string(None, khronos_egl::EXTENSIONS);
    glib::unsetenv(files);
}

/// Whether there is a display to show windows on.
pub(crate) fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether windows go to a Wayland compositor.
#[cfg(target_os = "linux")]
pub(crate) fn is_wayland() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let backend = set("GDK_BACKEND");
    let backend = backend.as_ref().and_then(|value| value.to_str());
    set("WAYLAND_DISPLAY").is_some() && !backend.is_some_and(|backend| backend.starts_with("x11"))
}

#[cfg(target_os = "linux")]
fn forget(name: &str) {
    glib::unsetenv(name);
}
#[cfg(not(target_os = "linux"))]
fn forget(_name: &str) {
    // There is no safe way to; the webviews of these systems are not children of this process.
}

/// The surroundings that discovery looks at: the process's own, with the variables that name secrets as they were at the
/// start.
#[derive(Debug)]
pub(crate) struct StartedIn {
    secrets: Vec<(&'static str, Secret)>,
}

impl StartedIn {
    /// Takes the secrets out of the environment. Before any thread and any child process.
    pub(crate) fn take() -> Self {
        let taken = SECRET_VARIABLES.into_iter().filter_map(|name| {
            let value = std::env::var(name).ok()?;
            forget(name);
            Some((name, Secret::new(value)))
        });
        Self {
            secrets: taken.collect(),
        }
    }
}

#[async_trait]
impl Surroundings for StartedIn {
    fn variable(&self, name: &str) -> Option<String> {
        let taken = self.secrets.iter().find(|(known, _)| *known == name);
        taken
            .map(|(_, value)| value.expose().to_owned())
            .or_else(|| System.variable(name))
    }

    fn read(&self, path: &Path) -> Option<String> {
        System.read(path)
    }

    async fn answers(&self, host: &str, port: u16) -> bool {
        System.answers(host, port).await
    }

    async fn nearby(&self) -> Vec<Nearby> {
        System.nearby().await
    }
}

/// Makes the folders, for this user alone.
pub(crate) fn make_folders(paths: &Paths) -> io::Result<()> {
    for folder in [&paths.data, &paths.config] {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    Ok(())
}
