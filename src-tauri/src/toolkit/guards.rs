//! Environment variables for WebKit, GTK and JavaScriptCore, set before they start.

use crate::environment::APP_ID;

const DMABUF_GUARD: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// Variables that are set unless the user set them.
///
/// With some graphics drivers, the DMA-BUF renderer of WebKitGTK shows a blank window. Without that
/// renderer, GTK's OpenGL has no use. Looking for it at the start would load the graphics driver: 30 MB
/// for Mesa's software renderer. JavaScriptCore's last compiler (FTL) is for programs that compute for
/// minutes. Here it costs a seventh of the processor time of a long reply and never pays off.
const GUARDS: [(&str, &str); 3] = [(DMABUF_GUARD, "1"), ("GDK_GL", "disable"), ("JSC_useFTLJIT", "0")];

/// The variables that name graphics drivers to libglvnd: files, and folders of files.
const EGL_DRIVERS: [&str; 2] = ["__EGL_VENDOR_LIBRARY_FILENAMES", "__EGL_VENDOR_LIBRARY_DIRS"];

/// Prepares the process's environment. The first thing in `main`, before any thread.
///
/// Setting a variable is unsafe in Rust because other threads may read it meanwhile; GLib offers it as a safe call
/// under the same condition, which holds here.
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

/// Hides graphics drivers from this process. WebKit looks for one here before it starts the process
/// that draws. Without the DMA-BUF renderer this process never draws with it, and Mesa's software
/// renderer takes 24 MB.
///
/// libglvnd reads which drivers there are once, at a process's first question (`EGL/icd_enumeration.md` in its sources).
/// WebKit's processes ask for themselves, in the environment as it was.
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
