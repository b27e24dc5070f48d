//! Checks that the web UI is built, then lets Tauri embed configuration, capabilities and permissions.
//! Nothing is downloaded here.

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=ui/dist");
    if !std::path::Path::new("ui/dist/popup.html").exists() {
        println!(
            "cargo:warning=the web UI is not built; run: cargo xtask ui (or npm --prefix ui ci && npm --prefix ui run build)"
        );
        std::process::exit(1);
    }
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(&["request", "subscribe", "capture"]));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo:warning={error:#}");
        std::process::exit(1);
    }
}
