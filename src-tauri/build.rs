//! Checks that the web UI is built, then lets Tauri embed configuration, capabilities and permissions.
//! Nothing is downloaded here.

fn main() {
    println!("cargo::rerun-if-changed=src-tauri/capabilities");
    println!("cargo::rerun-if-changed=ui/dist");
    if !std::path::Path::new("ui/dist/popup.html").exists() {
        // Cargo prints this line, and fails the build by it.
        println!("cargo::error=the web UI is not built; run: cargo xtask ui");
        return;
    }
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(&["request", "subscribe", "capture"]));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
    }
}
