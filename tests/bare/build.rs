//! Lets Tauri embed the configuration.

fn main() {
    tauri_build::build();
}
